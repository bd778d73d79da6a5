//! The Kubernetes manifests against themselves and against the code: what no validator, not even the API server, flags.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use serde_yaml_ng::Value;

use crate::mesh::setting;

/// Every object of the rendered overlay.
fn rendered() -> Vec<Value> {
    use serde::Deserialize as _;
    let overlay = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../k8s/overlays/longnan");
    let kubectl = setting("MINQING_TEST_KUBECTL").unwrap_or_else(|| "kubectl".into());
    let output = Command::new(kubectl).arg("kustomize").arg(overlay).output().expect("kubectl: run bash tests/run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    serde_yaml_ng::Deserializer::from_str(&text).map(|d| Value::deserialize(d).unwrap()).collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|o| o["kind"] == kind).collect()
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

fn labels(value: &Value) -> BTreeMap<String, String> {
    let Some(map) = value.as_mapping() else { return BTreeMap::new() };
    map.iter().map(|(k, v)| (k.as_str().unwrap().to_owned(), v.as_str().unwrap().to_owned())).collect()
}

fn selects(selector: &Value, pod: &BTreeMap<String, String>) -> bool {
    let matched = labels(&selector["matchLabels"]).iter().all(|(k, v)| pod.get(k) == Some(v));
    let expressions = selector["matchExpressions"].as_sequence().cloned().unwrap_or_default();
    matched
        && expressions.iter().all(|e| {
            let values = e["values"].as_sequence().unwrap();
            pod.get(e["key"].as_str().unwrap()).is_some_and(|have| values.iter().any(|v| v == have.as_str()))
        })
}

fn pods(objects: &[Value]) -> Vec<(String, BTreeMap<String, String>)> {
    of_kind(objects, "Deployment")
        .iter()
        .map(|d| (name(d).to_owned(), labels(&d["spec"]["template"]["metadata"]["labels"])))
        .collect()
}

#[test]
fn every_service_of_the_mesh_has_its_five_objects() {
    let objects = rendered();
    let expected: BTreeSet<String> =
        minqing_e2e::PROCESSES.iter().map(|p| format!("minqing-{}", p.replace('_', "-"))).collect();
    for kind in ["Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "NetworkPolicy"] {
        let found: BTreeSet<String> = of_kind(&objects, kind).iter().map(|o| name(o).to_owned()).collect();
        assert!(expected.is_subset(&found), "{kind}: {:?} missing", expected.difference(&found).collect::<Vec<_>>());
    }
}

#[test]
fn every_reference_has_its_target() {
    let objects = rendered();
    let names = |kind: &str| of_kind(&objects, kind).iter().map(|o| name(o).to_owned()).collect::<BTreeSet<_>>();
    let (accounts, priorities, maps, claims) =
        (names("ServiceAccount"), names("PriorityClass"), names("ConfigMap"), names("PersistentVolumeClaim"));
    for deployment in of_kind(&objects, "Deployment") {
        let pod = &deployment["spec"]["template"]["spec"];
        let who = name(deployment);
        assert!(accounts.contains(pod["serviceAccountName"].as_str().unwrap()), "{who}: service account");
        assert!(priorities.contains(pod["priorityClassName"].as_str().unwrap()), "{who}: priority class");
        let container = &pod["containers"][0];
        assert!(maps.contains(container["envFrom"][0]["configMapRef"]["name"].as_str().unwrap()), "{who}: config map");
        let volumes: BTreeSet<&str> =
            pod["volumes"].as_sequence().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
        for mount in container["volumeMounts"].as_sequence().unwrap() {
            assert!(volumes.contains(mount["name"].as_str().unwrap()), "{who}: mount without volume");
        }
        for volume in pod["volumes"].as_sequence().unwrap() {
            if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
                assert!(claims.contains(claim), "{who}: claim {claim}");
            }
        }
        let ports: BTreeSet<u64> =
            container["ports"].as_sequence().unwrap().iter().map(|p| p["containerPort"].as_u64().unwrap()).collect();
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            assert!(ports.contains(&container[probe]["grpc"]["port"].as_u64().unwrap()), "{who}: {probe}");
        }
        assert_ne!(container["livenessProbe"]["grpc"]["service"], container["readinessProbe"]["grpc"]["service"]);
        let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
        let sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
        assert!(grace > sleep + 20, "{who}: grace {grace} s is not longer than preStop and drain");
    }
}

#[test]
fn every_selector_finds_pods_and_no_budget_blocks_a_drain() {
    let objects = rendered();
    let pods = pods(&objects);
    for deployment in of_kind(&objects, "Deployment") {
        assert_eq!(
            labels(&deployment["spec"]["selector"]["matchLabels"]),
            labels(&deployment["spec"]["template"]["metadata"]["labels"])
        );
    }
    for service in of_kind(&objects, "Service") {
        let wanted = labels(&service["spec"]["selector"]);
        assert!(!wanted.is_empty() && pods.iter().any(|(_, l)| wanted.iter().all(|(k, v)| l.get(k) == Some(v))));
        assert_eq!(service["spec"]["clusterIP"], "None", "{} is not headless", name(service));
    }
    for budget in of_kind(&objects, "PodDisruptionBudget") {
        assert!(pods.iter().any(|(_, l)| selects(&budget["spec"]["selector"], l)), "{} selects nothing", name(budget));
        assert_eq!(budget["spec"]["maxUnavailable"], 1);
        assert!(budget["spec"]["minAvailable"].is_null());
    }
    for policy in of_kind(&objects, "NetworkPolicy") {
        assert!(
            pods.iter().any(|(_, l)| selects(&policy["spec"]["podSelector"], l)),
            "{} selects nothing",
            name(policy)
        );
    }
}

/// Edges between our own pods that the policies open, on the side asked for.
fn edges(objects: &[Value], side: &str) -> BTreeSet<(String, String)> {
    let pods = pods(objects);
    let peer_key = if side == "egress" { "to" } else { "from" };
    let mut found = BTreeSet::new();
    for policy in of_kind(objects, "NetworkPolicy") {
        for (own, _) in pods.iter().filter(|(_, l)| selects(&policy["spec"]["podSelector"], l)) {
            for rule in policy["spec"][side].as_sequence().cloned().unwrap_or_default() {
                for peer in rule[peer_key].as_sequence().cloned().unwrap_or_default() {
                    if !peer["namespaceSelector"].is_null() || peer["podSelector"].is_null() {
                        continue;
                    }
                    for (other, _) in pods.iter().filter(|(_, l)| selects(&peer["podSelector"], l)) {
                        let (from, to) = if side == "egress" { (own, other) } else { (other, own) };
                        found.insert((from.clone(), to.clone()));
                    }
                }
            }
        }
    }
    found
}

#[test]
fn the_network_opens_exactly_the_edges_that_the_services_use() {
    let objects = rendered();
    let expected: BTreeSet<(String, String)> = minqing_e2e::edges()
        .into_iter()
        .map(|(from, to)| (format!("minqing-{}", from.replace('_', "-")), format!("minqing-{}", to.replace('_', "-"))))
        .collect();

    assert_eq!(edges(&objects, "egress"), expected);
    assert_eq!(edges(&objects, "ingress"), expected);
}

#[test]
fn pods_are_restricted_and_secrets_are_not_literals() {
    let objects = rendered();
    for deployment in of_kind(&objects, "Deployment") {
        let pod = &deployment["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
        assert_eq!(container["resources"]["requests"]["memory"], container["resources"]["limits"]["memory"]);
        for variable in container["env"].as_sequence().unwrap() {
            let secret = ["PASSWORD", "SECRET", "TOKEN", "DATABASE_URL"]
                .iter()
                .any(|word| variable["name"].as_str().unwrap().contains(word));
            assert!(!secret || variable["value"].is_null(), "{} holds a secret in clear", name(deployment));
        }
        let image = container["image"].as_str().unwrap();
        assert!(!image.ends_with(":latest") && image.contains(':'), "{image}");
    }
}
