//! The REST routes as data: each is one method of a contract.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, RawQuery},
    http::{Extensions, HeaderMap, HeaderName, StatusCode},
    routing::{MethodRouter, get, post},
};
use minqing_kit::{Call, Error, Result, call::header, client, frame::Edge};
use minqing_proto::DESCRIPTOR_POOL;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use tonic::client::Grpc;

use crate::{codec::DynamicCodec, errors, transcode};

/// Largest body of a request.
const BODY: usize = 64 << 10;

/// A route: HTTP path, method of the contract, and the resource name the path's variable belongs to.
struct Route {
    path: &'static str,
    /// Process that serves it.
    service: &'static str,
    /// `package.Service`, `Method`.
    method: (&'static str, &'static str),
    /// Field and form of the resource name: ("name", "households").
    resource: Option<(&'static str, &'static str)>,
    /// The request is the body, not the query.
    body: bool,
}

const REGISTRY: &str = "minqing.registry.v1.RegistryService";
const DISPATCH: &str = "minqing.dispatch.v1.DispatchService";

const ROUTES: [Route; 7] = [
    Route {
        path: "/v1/divisions",
        service: "registry",
        method: (REGISTRY, "ListDivisions"),
        resource: None,
        body: false,
    },
    Route {
        path: "/v1/households",
        service: "registry",
        method: (REGISTRY, "ListHouseholds"),
        resource: None,
        body: false,
    },
    Route {
        path: "/v1/households/{id}",
        service: "registry",
        method: (REGISTRY, "GetHousehold"),
        resource: Some(("name", "households")),
        body: false,
    },
    Route {
        path: "/v1/households/{id}/chainEntries",
        service: "registry",
        method: (REGISTRY, "ListChainEntries"),
        resource: Some(("parent", "households")),
        body: false,
    },
    // In the body, since an ID number in an address would stand in every log on the way.
    Route {
        path: "/v1/persons:find",
        service: "registry",
        method: (REGISTRY, "FindPerson"),
        resource: None,
        body: true,
    },
    Route {
        path: "/v1/workOrders",
        service: "dispatch",
        method: (DISPATCH, "ListWorkOrders"),
        resource: None,
        body: false,
    },
    Route {
        path: "/v1/workOrders/{id}",
        service: "dispatch",
        method: (DISPATCH, "GetWorkOrder"),
        resource: Some(("name", "workOrders")),
        body: false,
    },
];

/// The router of every REST route.
pub fn routes(edge: Arc<Edge>) -> Router {
    let mut router = Router::new();
    for route in &ROUTES {
        router = router.route(route.path, handler(route, edge.clone()));
    }
    router.layer(DefaultBodyLimit::max(BODY))
}

fn handler(route: &'static Route, edge: Arc<Edge>) -> MethodRouter {
    let answer = move |path: Option<Path<String>>,
                       RawQuery(query): RawQuery,
                       headers: HeaderMap,
                       extensions: Extensions,
                       body: Bytes| {
        let edge = edge.clone();
        async move {
            let input = Input { id: path.map(|Path(id)| id), query, body };
            match serve(route, &edge, (&headers, &extensions), input).await {
                Ok(json) => errors::json_response(StatusCode::OK, &json),
                Err(error) => errors::response(&error.into()),
            }
        }
    };
    if route.body { post(answer) } else { get(answer) }
}

/// What a request brings.
struct Input {
    id: Option<String>,
    query: Option<String>,
    body: Bytes,
}

async fn serve(
    route: &Route,
    edge: &Edge,
    (headers, extensions): (&HeaderMap, &Extensions),
    input: Input,
) -> Result<serde_json::Value> {
    let call = extensions.get::<Call>().ok_or_else(|| Error::bug(anyhow::anyhow!("no caller on an admitted call")))?;
    let method = method(route)?;
    let message = request(route, &method, input)?;
    let mut request = client::on_behalf(tonic::Request::new(message), &call.caller);
    for name in [header::PURPOSE, header::CASE, header::OPERATOR] {
        let key = HeaderName::from_static(name);
        if let Some(value) = headers.get(&key).and_then(|value| value.to_str().ok()?.parse().ok()) {
            request.metadata_mut().insert(name, value);
        }
    }
    let path =
        format!("/{}/{}", route.method.0, route.method.1).parse().map_err(|_| Error::bug(anyhow::anyhow!("path")))?;
    let mut grpc = Grpc::new(edge.peer(route.service)?);
    grpc.ready().await.map_err(|_| Error::unavailable("PEER_UNAVAILABLE", "the service is away", "服务暂时不可用"))?;
    let answer = grpc.unary(request, path, DynamicCodec { output: method.output() }).await?;
    transcode::to_json(&answer.into_inner())
}

fn method(route: &Route) -> Result<MethodDescriptor> {
    DESCRIPTOR_POOL
        .get_service_by_name(route.method.0)
        .and_then(|service| service.methods().find(|method| method.name() == route.method.1))
        .ok_or_else(|| Error::bug(anyhow::anyhow!("a route names no method")))
}

fn request(route: &Route, method: &MethodDescriptor, input: Input) -> Result<DynamicMessage> {
    let mut message = if route.body {
        transcode::from_json(method.input(), &input.body)?
    } else {
        DynamicMessage::new(method.input())
    };
    for (key, value) in form_urlencoded::parse(input.query.unwrap_or_default().as_bytes()) {
        transcode::set_text(&mut message, &key, &value)?;
    }
    if let (Some((field, collection)), Some(id)) = (route.resource, input.id) {
        transcode::set_text(&mut message, field, &format!("{collection}/{id}"))?;
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_route_is_a_unary_read_of_a_contract() {
        for route in &ROUTES {
            let method = method(route).unwrap();
            assert!(!method.is_client_streaming() && !method.is_server_streaming(), "{}", route.path);
            let access = minqing_proto::contract::access(&method).unwrap();
            assert!(!access.mutation, "{} changes state", route.path);
            if let Some((field, _)) = route.resource {
                assert!(method.input().get_field_by_name(field).is_some(), "{}", route.path);
            }
        }
    }
}
