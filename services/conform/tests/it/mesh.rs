//! An adapter beside a real register, monitoring and feedback service.

use minqing_adapter::Bureau;
use minqing_conform::{report::Report, session::Target};
use minqing_test_kit::TestService;
use uuid::Uuid;

pub struct Mesh {
    pub adapter: TestService,
    pub bureau: Bureau,
    _peers: Vec<TestService>,
}

impl Mesh {
    pub async fn start(bureau: Bureau) -> Mesh {
        let registry = TestService::start(minqing_registry::service()).await.unwrap();
        let beside = || TestService::builder().beside(&registry).peer("registry", &registry.url());
        let monitoring = beside().start(minqing_monitoring::service()).await.unwrap();
        let feedback = beside().start(minqing_feedback::service()).await.unwrap();
        let builder = beside().peer("monitoring", &monitoring.url()).peer("feedback", &feedback.url());
        // The kit asks for verifications and answers one that was never requested, which the adapter refuses by itself.
        let builder = builder.peer("identification", "https://127.0.0.1:1");
        let adapter = builder.start(minqing_adapter::service(bureau)).await.unwrap();
        Mesh { adapter, bureau, _peers: vec![registry, monitoring, feedback] }
    }

    /// What the kit is told of the adapter, or of one that stands in its place.
    pub fn target(&self, address: &str) -> Target {
        Target {
            address: address.to_owned(),
            identity: self.adapter.identity(&format!("bureau/{}", self.bureau.name)).unwrap(),
            other: Some(self.adapter.identity("bureau/civil_affairs").unwrap()),
            receipt_key: Some(self.adapter.receipt_key.clone()),
            county: "621228".to_owned(),
            today: "2026-10-26".parse().unwrap(),
            datasets: Vec::new(),
            run: Uuid::new_v5(&Uuid::NAMESPACE_URL, address.as_bytes()),
        }
    }

    pub async fn conform(&self) -> Report {
        minqing_conform::run(&self.target(&self.adapter.url())).await.unwrap()
    }
}
