//! Tests of the whole: contracts, architecture, manifests, and the mesh as processes. See `tests/it`.
//!
//! Here stands what several of them compare with: which processes there are and who calls whom.

/// Every process of the mesh.
pub const PROCESSES: [&str; 16] = [
    "registry",
    "identification",
    "monitoring",
    "dispatch",
    "feedback",
    "adapter-education",
    "adapter-hr",
    "adapter-housing",
    "adapter-health",
    "adapter-medical_insurance",
    "adapter-emergency",
    "adapter-rural",
    "adapter-disabled",
    "adapter-women",
    "adapter-outside",
    "gateway",
];

/// Who calls whom: synchronous calls, and the event logs that consumers read.
pub fn edges() -> Vec<(&'static str, &'static str)> {
    let mut all = vec![
        ("registry", "identification"),
        ("registry", "feedback"),
        ("monitoring", "registry"),
        ("monitoring", "dispatch"),
        ("monitoring", "feedback"),
        ("dispatch", "monitoring"),
        ("dispatch", "feedback"),
        ("dispatch", "registry"),
        ("identification", "monitoring"),
        ("identification", "registry"),
        ("identification", "dispatch"),
        ("feedback", "dispatch"),
        ("feedback", "registry"),
    ];
    for process in PROCESSES.into_iter().filter(|p| p.starts_with("adapter-")) {
        all.extend(["registry", "monitoring", "feedback", "dispatch", "identification"].map(|core| (process, core)));
    }
    all.extend(PROCESSES.into_iter().filter(|p| *p != "gateway").map(|p| ("gateway", p)));
    all
}
