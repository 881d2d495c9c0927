//! Which kinds the API server serves, and under which words: asked once, and again when an unknown
//! kind shows up, but not often.
//!
//! Two requests tell everything where the server knows the aggregated form. Where it does not, each
//! group and version is asked for when an event names it. A group whose server is broken hides itself
//! and nothing else.

use std::{collections::HashMap, time::Duration};

use kube::{
    Client,
    core::{
        ApiResource, GroupVersionKind,
        discovery::v2::{APIGroupDiscoveryList, APIVersionDiscovery},
    },
};
use tokio::time::Instant;

use super::stats::Counter;

/// How the API server calls a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Group, version, kind and the word in the path.
    pub api: ApiResource,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// Everything is asked again after so long at the earliest.
const REFRESH: Duration = Duration::from_secs(180);

/// What the server has told so far.
pub struct Discovery {
    client: Client,
    /// By group and kind; nothing before the first answer.
    known: HashMap<(String, String), Resource>,
    asked: Option<Instant>,
    aggregated: bool,
    /// Groups and versions that were asked for one by one, and when.
    versions: HashMap<String, Instant>,
}

impl std::fmt::Debug for Discovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discovery").field("kinds", &self.known.len()).finish_non_exhaustive()
    }
}

/// So many groups and versions are asked for one by one.
const MOST: usize = 1000;

impl Discovery {
    /// Nothing is known yet.
    pub fn new(client: Client) -> Self {
        let (known, versions) = (HashMap::new(), HashMap::new());
        Self { client, known, asked: None, aggregated: true, versions }
    }

    /// How a kind is called; `None` when it is not served. `api_version` is that of a reference: its
    /// version counts only where the server does not tell everything at once.
    pub async fn find(
        &mut self,
        api_version: &str,
        kind: &str,
        requests: &Counter,
    ) -> Result<Option<Resource>, kube::Error> {
        let group = super::kinds::group_of(api_version);
        let key = (group.to_owned(), kind.to_owned());
        if let Some(resource) = self.known.get(&key) {
            return Ok(Some(resource.clone()));
        }
        let now = Instant::now();
        if self.aggregated && self.asked.is_none_or(|at| now - at >= REFRESH) {
            self.asked = Some(now);
            self.ask_everything(requests).await?;
        }
        if !self.aggregated {
            let version = if api_version.is_empty() { "v1" } else { api_version };
            let known = self.versions.get(version);
            if known.is_none_or(|at| now - *at >= REFRESH) && self.versions.len() < MOST {
                self.versions.insert(version.to_owned(), now);
                self.ask_version(version, requests).await?;
            }
        }
        Ok(self.known.get(&key).cloned())
    }

    /// The aggregated form, of the core group and of the others.
    async fn ask_everything(&mut self, requests: &Counter) -> Result<(), kube::Error> {
        requests.count();
        let groups = match self.client.list_api_groups_aggregated().await {
            Ok(groups) => groups,
            // Another form than the one that was asked for.
            Err(kube::Error::SerdeError(_)) => APIGroupDiscoveryList::default(),
            Err(kube::Error::Api(status)) if status.code == 406 => APIGroupDiscoveryList::default(),
            Err(error) => return Err(error),
        };
        if groups.items.is_empty() {
            self.aggregated = false;
            return Ok(());
        }
        requests.count();
        let core = self.client.list_core_api_versions_aggregated().await?;
        self.read(core);
        self.read(groups);
        Ok(())
    }

    fn read(&mut self, list: APIGroupDiscoveryList) {
        for group in list.items {
            let name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
            // The version that the server prefers comes first.
            for version in group.versions {
                self.read_version(&name, version);
            }
        }
    }

    fn read_version(&mut self, group: &str, version: APIVersionDiscovery) {
        let number = version.version.unwrap_or_default();
        for resource in version.resources {
            let kind = resource.response_kind.and_then(|it| it.kind);
            if let (Some(plural), Some(kind)) = (resource.resource, kind) {
                let namespaced = resource.scope.as_deref() == Some("Namespaced");
                self.enter(group, &number, &kind, &plural, namespaced);
            }
        }
    }

    /// One group and version, as servers have always told it.
    async fn ask_version(
        &mut self,
        api_version: &str,
        requests: &Counter,
    ) -> Result<(), kube::Error> {
        requests.count();
        let answer = match api_version {
            "v1" => self.client.list_core_api_resources("v1").await,
            other => self.client.list_api_group_resources(other).await,
        };
        let list = match answer {
            Ok(list) => list,
            // Not served, or not any more; or its server is out of order.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 503) => return Ok(()),
            Err(error) => return Err(error),
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        for resource in list.resources {
            // What has a slash is a part of something else.
            if !resource.name.contains('/') {
                self.enter(group, version, &resource.kind, &resource.name, resource.namespaced);
            }
        }
        Ok(())
    }

    fn enter(&mut self, group: &str, version: &str, kind: &str, plural: &str, namespaced: bool) {
        let key = (group.to_owned(), kind.to_owned());
        self.known.entry(key).or_insert_with(|| {
            let kind = GroupVersionKind::gvk(group, version, kind);
            Resource { api: ApiResource::from_gvk_with_plural(&kind, plural), namespaced }
        });
    }
}

#[cfg(test)]
mod tests {
    use event::{Stop, Tasks};
    use playground::{Options, Playground};

    use super::*;

    #[tokio::test]
    async fn a_server_that_tells_nothing_at_once_is_asked_for_each_version() {
        let stop = Stop::new();
        let tasks = Tasks::new(stop.clone());
        let playground = Playground::start(Options::default(), &tasks, stop.clone()).await.unwrap();
        let config = kube::Config::new(playground.url().parse().unwrap());
        let mut discovery = Discovery::new(Client::try_from(config).unwrap());
        discovery.aggregated = false;
        let requests = Counter::default();
        for _ in 0..3 {
            let found = discovery.find("policy/v1", "PodDisruptionBudget", &requests).await;
            let found = found.unwrap().unwrap();
            assert_eq!((&*found.api.plural, found.namespaced), ("poddisruptionbudgets", true));
            let node = discovery.find("", "Node", &requests).await.unwrap().unwrap();
            assert_eq!((&*node.api.plural, node.namespaced), ("nodes", false));
            for api_version in ["policy/v1", "nosuch.example/v1", "v1"] {
                assert_eq!(discovery.find(api_version, "Widget", &requests).await.unwrap(), None);
            }
        }
        assert_eq!(requests.get(), 3, "what is not there is not asked for again at once");
        stop.fire();
        tasks.ended().await;
    }
}
