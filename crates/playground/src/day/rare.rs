//! Things that happen now and then: one event each, and there are many kinds of them.

use super::{
    Reporter,
    stage::{NORMAL, Stage, WARNING},
    world::reference,
};

/// Whom a rare event is about.
#[derive(Debug, Clone, Copy)]
enum About {
    Pod,
    Container,
    Node,
    Claim,
    Service,
    Ingress,
    Scaler,
    ReplicaSet,
    LeaderLease,
}

use About::{Claim, Container, Ingress, LeaderLease, Node, Pod, ReplicaSet, Scaler, Service};

/// What it is about, who says it (`kubelet`, or a controller), type, reason, message. In the message
/// `{pod}`, `{ns}`, `{node}`, `{app}` are names, `{ip}` an address and `{n}` a number.
type Row = (About, &'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip] // A table is read by line.
const ROWS: &[Row] = &[
    (Pod, "kubelet", WARNING, "FailedMount", "MountVolume.SetUp failed for volume \"config\" : configmap \"{app}-config\" not found"),
    (Pod, "kubelet", WARNING, "FailedMount", "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[]: timed out waiting for the condition"),
    (Pod, "attachdetach-controller", WARNING, "FailedAttachVolume", "Multi-Attach error for volume \"pvc-{n}\" Volume is already used by 1 pod(s) in different namespaces"),
    (Pod, "attachdetach-controller", NORMAL, "SuccessfulAttachVolume", "AttachVolume.Attach succeeded for volume \"pvc-{n}\" "),
    (Pod, "kubelet", WARNING, "FailedSync", "error determining status: rpc error: code = DeadlineExceeded desc = context deadline exceeded"),
    (Pod, "kubelet", WARNING, "FailedKillPod", "error killing pod: failed to \"KillPodSandbox\" for \"{n}\" with KillPodSandboxError: \"rpc error: code = Unknown desc = networkPlugin cni failed to teardown pod\""),
    (Pod, "kubelet", WARNING, "NetworkNotReady", "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"),
    (Pod, "kubelet", WARNING, "DNSConfigForming", "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.0.0.2 10.0.0.3 10.0.0.4"),
    (Pod, "kubelet", WARNING, "MissingClusterDNS", "pod: \"{pod}_{ns}\". kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" policy. Falling back to \"Default\" policy."),
    (Pod, "kubelet", WARNING, "Evicted", "The node was low on resource: ephemeral-storage. Threshold quantity: 9{n}, available: 8{n}Ki. Container {app} was using {n}Ki, request is 0, has larger consumption of ephemeral-storage. "),
    (Pod, "kubelet", WARNING, "FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (registry-{app}); attempting to pull the image may not succeed."),
    (Pod, "kubelet", WARNING, "ExceededGracePeriod", "Container runtime did not kill the pod within specified grace period."),
    (Pod, "kubelet", WARNING, "InvalidEnvironmentVariableNames", "Keys [{app}.conf] from the EnvFrom configMap {ns}/{app} were skipped since they are considered invalid environment variable names."),
    (Pod, "kubelet", WARNING, "HostPortConflict", "Cannot start the pod due to host port conflict."),
    (Pod, "taint-eviction-controller", NORMAL, "TaintManagerEviction", "Marking for deletion Pod {ns}/{pod}"),
    (Pod, "taint-eviction-controller", NORMAL, "TaintManagerEviction", "Cancelling deletion of Pod {ns}/{pod}"),
    (Pod, "node-controller", WARNING, "NodeNotReady", "Node is not ready"),
    (Pod, "cluster-autoscaler", NORMAL, "ScaleDown", "deleting pod for node scale down"),
    (Pod, "kubelet", WARNING, "OutOfcpu", "Node didn't have enough resource: cpu, requested: 2000, used: 14744, capacity: 15890"),
    (Container, "kubelet", WARNING, "Failed", "Error: configmap \"{app}-env\" not found"),
    (Container, "kubelet", WARNING, "Failed", "Error: context deadline exceeded"),
    (Container, "kubelet", WARNING, "FailedPostStartHook", "PostStartHook failed"),
    (Container, "kubelet", WARNING, "FailedPreStopHook", "PreStopHook failed"),
    (Container, "kubelet", WARNING, "ProbeWarning", "Liveness probe warning: Probe terminated redirects, Response body: "),
    (Container, "kubelet", WARNING, "InspectFailed", "Failed to apply default image tag \"registry.example.com/{ns}/{app}:\": couldn't parse image name: invalid reference format"),
    (Container, "kubelet", WARNING, "ErrImageNeverPull", "Container image \"registry.example.com/{ns}/{app}:local\" is not present with pull policy of Never"),
    (Node, "kubelet", NORMAL, "NodeHasSufficientMemory", "Node {node} status is now: NodeHasSufficientMemory"),
    (Node, "kubelet", NORMAL, "NodeHasNoDiskPressure", "Node {node} status is now: NodeHasNoDiskPressure"),
    (Node, "kubelet", NORMAL, "NodeHasSufficientPID", "Node {node} status is now: NodeHasSufficientPID"),
    (Node, "kubelet", NORMAL, "NodeReady", "Node {node} status is now: NodeReady"),
    (Node, "kubelet", NORMAL, "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods"),
    (Node, "kubelet", NORMAL, "Starting", "Starting kubelet."),
    (Node, "kube-proxy", NORMAL, "Starting", ""),
    (Node, "kubelet", WARNING, "InvalidDiskCapacity", "invalid capacity 0 on image filesystem"),
    (Node, "kubelet", WARNING, "ImageGCFailed", "Failed to garbage collect required amount of images. Attempted to free {n} bytes, but only found 0 bytes eligible to free."),
    (Node, "kubelet", WARNING, "FreeDiskSpaceFailed", "Failed to garbage collect required amount of images. Attempted to free {n} bytes, but only found {n} bytes eligible to free."),
    (Node, "kubelet", WARNING, "EvictionThresholdMet", "Attempting to reclaim ephemeral-storage"),
    (Node, "kubelet", WARNING, "CheckLimitsForResolvConf", "Resolv.conf file '/etc/resolv.conf' contains search line consisting of more than 32 domains!"),
    (Node, "kubelet", WARNING, "Rebooted", "Node {node} has been rebooted, boot id: 3f0d5a52-8c1e-4b7e-9d20-{n}"),
    (Node, "kubelet", WARNING, "ContainerGCFailed", "rpc error: code = DeadlineExceeded desc = context deadline exceeded"),
    (Node, "kernel-monitor", WARNING, "OOMKilling", "Memory cgroup out of memory: Killed process {n} (java) total-vm:8{n}kB, anon-rss:2{n}kB, file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:5{n}kB oom_score_adj:985"),
    (Node, "kernel-monitor", WARNING, "TaskHung", "INFO: task kworker/u16:3:{n} blocked for more than 120 seconds."),
    (Node, "node-controller", NORMAL, "RegisteredNode", "Node {node} event: Registered Node {node} in Controller"),
    (Node, "node-controller", NORMAL, "RemovingNode", "Node {node} event: Removing Node {node} from Controller"),
    (Node, "cluster-autoscaler", NORMAL, "ScaleDown", "marked the node as toBeDeleted/unschedulable"),
    (Node, "cluster-autoscaler", WARNING, "ScaleDownFailed", "failed to drain the node: Failed to drain node {ns}/{node}, due to following errors: [Failed to evict pod {ns}/{pod} within allowed timeout]"),
    (Claim, "persistentvolume-controller", NORMAL, "WaitForFirstConsumer", "waiting for first consumer to be created before binding"),
    (Claim, "persistentvolume-controller", NORMAL, "ExternalProvisioning", "Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."),
    (Claim, "ebs.csi.aws.com", NORMAL, "ProvisioningSucceeded", "Successfully provisioned volume pvc-{n}"),
    (Claim, "ebs.csi.aws.com", WARNING, "ProvisioningFailed", "failed to provision volume with StorageClass \"fast\": rpc error: code = ResourceExhausted desc = volume quota exceeded"),
    (Service, "service-controller", NORMAL, "UpdatedLoadBalancer", "Updated load balancer with new hosts"),
    (Service, "service-controller", WARNING, "UpdateLoadBalancerFailed", "Error updating load balancer with new hosts [{node}]: Throttling: Rate exceeded"),
    (Service, "endpoint-slice-controller", WARNING, "FailedToUpdateEndpointSlices", "Error updating Endpoint Slices for Service {ns}/{app}: failed to update {app}-{n} EndpointSlice for Service {ns}/{app}: Operation cannot be fulfilled on endpointslices.discovery.k8s.io \"{app}-{n}\": the object has been modified; please apply your changes to the latest version and try again"),
    (Service, "endpoint-controller", WARNING, "FailedToUpdateEndpoint", "Failed to update endpoint {ns}/{app}: Operation cannot be fulfilled on endpoints \"{app}\": the object has been modified; please apply your changes to the latest version and try again"),
    (Service, "endpoint-controller", WARNING, "FailedToCreateEndpoint", "Failed to create endpoint for service {ns}/{app}: endpoints \"{app}\" already exists"),
    (Service, "ipallocator-repair-controller", WARNING, "ClusterIPNotValid", "Cluster IP {ip} is not a valid IP; please recreate service"),
    (Service, "ipallocator-repair-controller", WARNING, "ClusterIPAlreadyAllocated", "Cluster IP {ip} was assigned to multiple services; please recreate service"),
    (Service, "portallocator-repair-controller", WARNING, "PortRangeFull", "Port range 30000-32767 is full; you must widen the port range in order to create new services"),
    (Ingress, "nginx-ingress-controller", NORMAL, "Sync", "Scheduled for sync"),
    (Ingress, "cert-manager-ingress-shim", NORMAL, "CreateCertificate", "Successfully created Certificate \"{app}-tls\""),
    (Scaler, "horizontal-pod-autoscaler", WARNING, "FailedGetResourceMetric", "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API"),
    (Scaler, "horizontal-pod-autoscaler", WARNING, "FailedComputeMetricsReplicas", "invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: failed to get cpu utilization: did not receive metrics for targeted pods (pods might be unready)"),
    (Scaler, "horizontal-pod-autoscaler", NORMAL, "SuccessfulRescale", "New size: {n}; reason: cpu resource utilization (percentage of request) above target"),
    (ReplicaSet, "replicaset-controller", WARNING, "FailedCreate", "Error creating: pods \"{pod}\" is forbidden: exceeded quota: team, requested: requests.memory=2Gi, used: requests.memory=63Gi, limited: requests.memory=64Gi"),
    (LeaderLease, "kube-controller-manager", NORMAL, "LeaderElection", "control-plane-1_{n} became leader"),
    (LeaderLease, "kube-scheduler", NORMAL, "LeaderElection", "control-plane-1_{n} became leader"),
];

pub(super) fn tell(stage: &mut Stage<'_>) {
    let (about, by, kind, reason, template) = *stage.random.pick(ROWS);
    let pod = stage.some_pod();
    let number = stage.random.between(10_000, 99_999).to_string();
    let address = format!("10.96.{}.{}", stage.random.below(250), 2 + stage.random.below(250));
    let message = template
        .replace("{pod}", &pod.name)
        .replace("{ns}", &pod.namespace)
        .replace("{node}", &pod.node.name)
        .replace("{app}", &pod.app)
        .replace("{ip}", &address)
        .replace("{n}", &number);
    let named =
        |kind: &str, version: &str| reference(kind, version, &pod.namespace, &pod.app, &pod.uid);
    let object = match about {
        Pod => pod.reference(),
        Container => pod.container(&pod.containers[0]),
        Node if by == "kubelet" => pod.node.reference(),
        Node => pod.node.real_reference(),
        Claim => named("PersistentVolumeClaim", "v1"),
        Service => named("Service", "v1"),
        Ingress => named("Ingress", "networking.k8s.io/v1"),
        Scaler => named("HorizontalPodAutoscaler", "autoscaling/v2"),
        ReplicaSet => pod.owner.reference(&pod.namespace),
        LeaderLease => reference("Lease", "coordination.k8s.io/v1", "kube-system", by, &pod.uid),
    };
    let by = match by {
        "kubelet" => Reporter::Kubelet { node: pod.node.name.clone() },
        "kernel-monitor" | "kube-proxy" => {
            Reporter::Agent { name: by, node: pod.node.name.clone() }
        }
        _ => Reporter::Controller(by),
    };
    stage.say(0.0, by, object, (kind, reason), message);
}
