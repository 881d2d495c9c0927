//! Measures every request to the API server: lists, watches, look-ups, discovery.

use std::{
    task::{Context, Poll},
    time::Instant,
};

use futures::future::{BoxFuture, FutureExt};
use http::{Method, Request, Response};
use prometheus::HistogramVec;
use tower::{Layer, Service};

/// The outermost layer of kube's client.
#[derive(Debug, Clone)]
pub(super) struct Measured(pub(super) HistogramVec);

impl<S> Layer<S> for Measured {
    type Service = MeasuredService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MeasuredService { inner, seconds: self.0.clone() }
    }
}

/// See [`Measured`].
#[derive(Debug, Clone)]
pub(super) struct MeasuredService<S> {
    inner: S,
    seconds: HistogramVec,
}

impl<S, A, B> Service<Request<A>> for MeasuredService<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<B>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (verb, resource) = what(request.method(), request.uri());
        let mut under_way = UnderWay {
            verb,
            resource,
            code: "none",
            began: Instant::now(),
            seconds: self.seconds.clone(),
        };
        let answer = self.inner.call(request);
        async move {
            let answer = answer.await;
            if let Ok(response) = &answer {
                under_way.answered(response.status().as_u16());
            }
            answer
        }
        .boxed()
    }
}

/// Observed when it ends, also when nobody waits for it any more.
struct UnderWay {
    verb: &'static str,
    resource: &'static str,
    code: &'static str,
    began: Instant,
    seconds: HistogramVec,
}

impl UnderWay {
    fn answered(&mut self, status: u16) {
        self.code = code(status);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let labels = [self.verb, self.resource, self.code];
        self.seconds.with_label_values(&labels).observe(self.began.elapsed().as_secs_f64());
    }
}

/// What has a series of its own; a cluster can serve any number of others.
static RESOURCES: [&str; 12] = [
    "events",
    "pods",
    "nodes",
    "namespaces",
    "deployments",
    "replicasets",
    "statefulsets",
    "daemonsets",
    "jobs",
    "cronjobs",
    "leases",
    "selfsubjectaccessreviews",
];

/// Verb and resource, as the API server's own metrics name them.
fn what(method: &Method, uri: &http::Uri) -> (&'static str, &'static str) {
    let mut path = uri.path().trim_matches('/').split('/');
    // Group and version.
    let below = match path.next() {
        Some("api") => path.next().is_some(),
        Some("apis") => path.next().is_some() && path.next().is_some(),
        _ => false,
    };
    let mut resource = path.next().filter(|_| below);
    let mut name = path.next();
    if resource == Some("namespaces")
        && let (Some(_), Some(inner)) = (name, path.next())
    {
        (resource, name) = (Some(inner), path.next());
    }
    let Some(resource) = resource else { return ("get", "discovery") };
    let is_watch = || uri.query().is_some_and(|it| it.split('&').any(|it| it == "watch=true"));
    let verb = match *method {
        Method::GET if name.is_some() => "get",
        Method::GET if is_watch() => "watch",
        Method::GET => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    };
    (verb, RESOURCES.iter().find(|known| **known == resource).copied().unwrap_or("other"))
}

/// The codes that API servers are known to give; the others by their first digit.
fn code(code: u16) -> &'static str {
    let known = match code {
        200 => "200",
        201 => "201",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        406 => "406",
        409 => "409",
        410 => "410",
        422 => "422",
        429 => "429",
        500 => "500",
        502 => "502",
        503 => "503",
        504 => "504",
        _ => "",
    };
    match code / 100 {
        _ if !known.is_empty() => known,
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use prometheus::core::Collector;

    use super::*;

    #[test]
    fn a_request_is_named_by_verb_and_resource() {
        for (method, path, named) in [
            (Method::GET, "/api/v1/events?limit=500", ("list", "events")),
            (Method::GET, "/api/v1/namespaces/shop/events?watch=true", ("watch", "events")),
            (Method::GET, "/api/v1/pods?&limit=1&watch=true&x=y", ("watch", "pods")),
            (Method::GET, "/api/v1/namespaces?limit=1", ("list", "namespaces")),
            (Method::GET, "/api/v1/namespaces/kube-system", ("get", "namespaces")),
            (Method::GET, "/apis/apps/v1/namespaces/shop/replicasets/a", ("get", "replicasets")),
            (Method::GET, "/apis/example.com/v1/widgets/w", ("get", "other")),
            (
                Method::POST,
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                ("create", "selfsubjectaccessreviews"),
            ),
            (Method::GET, "/apis", ("get", "discovery")),
            (Method::GET, "/api/v1", ("get", "discovery")),
            (Method::GET, "/apis/apps/v1", ("get", "discovery")),
            (Method::GET, "/version", ("get", "discovery")),
        ] {
            assert_eq!(what(&method, &path.parse().unwrap()), named, "{path}");
        }
    }

    #[tokio::test]
    async fn an_answer_counts_by_its_code_and_one_that_nobody_waited_for_as_none() {
        let seconds = crate::measures::requests();
        let answers = tower::service_fn(|request: Request<u16>| async move {
            let mut answer = Response::new(());
            *answer.status_mut() = http::StatusCode::from_u16(*request.body()).unwrap();
            if *request.body() == 202 {
                std::future::pending::<()>().await;
            }
            Ok::<_, std::convert::Infallible>(answer)
        });
        let mut service = Measured(seconds.clone()).layer(answers);
        for status in [200, 403, 418] {
            let request = Request::get("/api/v1/pods").body(status).unwrap();
            service.call(request).await.unwrap();
        }
        drop(service.call(Request::get("/api/v1/pods").body(202).unwrap()));
        let family = seconds.collect().remove(0);
        let mut codes: Vec<_> = family
            .get_metric()
            .iter()
            .map(|series| {
                let code = series.get_label().iter().find(|label| label.name() == "code").unwrap();
                (code.value().to_owned(), series.get_histogram().get_sample_count())
            })
            .collect();
        codes.sort();
        let expected = [("200", 1), ("403", 1), ("4xx", 1), ("none", 1)];
        assert_eq!(codes, expected.map(|(code, count)| (code.to_owned(), count)));
    }
}
