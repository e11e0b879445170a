//! The messages that tests write: the names and numbers of `generated.proto` of `k8s.io/api/core/v1` and of
//! `k8s.io/apimachinery`, in short. A test beside the fake API server compares a real one's answers in both encodings.

/// One message a line: its name, then its fields as `name=number:type`. `string` is the type of a field without one; `{T}`
/// is a map from names to T; `*` is a message whose fields JSON has in the message around it.
pub(crate) const MESSAGES: &str = "
Node metadata=1:ObjectMeta spec=2:NodeSpec status=3:NodeStatus
NodeSpec podCIDR=1 providerID=3 unschedulable=4:bool taints=5:Taint podCIDRs=7
NodeStatus capacity=1:{Quantity} allocatable=2:{Quantity} phase=3 conditions=4:NodeCondition addresses=5:NodeAddress \
    nodeInfo=7:NodeSystemInfo images=8:ContainerImage volumesInUse=9
NodeCondition type=1 status=2 lastHeartbeatTime=3:Time lastTransitionTime=4:Time reason=5 message=6
NodeAddress type=1 address=2
NodeSystemInfo machineID=1 systemUUID=2 bootID=3 kernelVersion=4 osImage=5 containerRuntimeVersion=6 kubeletVersion=7 \
    kubeProxyVersion=8 operatingSystem=9 architecture=10
ContainerImage names=1 sizeBytes=2:int
Taint key=1 value=2 effect=3 timeAdded=4:Time
Pod metadata=1:ObjectMeta spec=2:PodSpec status=3:PodStatus
PodSpec volumes=1:Volume containers=2:Container restartPolicy=3 terminationGracePeriodSeconds=4:int dnsPolicy=6 \
    nodeSelector=7:{string} serviceAccountName=8 serviceAccount=9 nodeName=10 hostNetwork=11:bool affinity=18:Affinity \
    schedulerName=19 \
    initContainers=20:Container automountServiceAccountToken=21:bool tolerations=22:Toleration priorityClassName=24 \
    priority=25:int enableServiceLinks=30:bool preemptionPolicy=31 overhead=32:{Quantity} topologySpreadConstraints=33:Spread \
    schedulingGates=38:Gate resourceClaims=39:ResourceClaim resources=40:Resources
Spread maxSkew=1:int topologyKey=2 whenUnsatisfiable=3
ResourceClaim name=1
Volume name=1 *=2:VolumeSource
VolumeSource hostPath=1:HostPath emptyDir=2:EmptyDir secret=6:Secret persistentVolumeClaim=10:Claim ephemeral=29:Ephemeral
HostPath path=1 type=2
EmptyDir medium=1 sizeLimit=2:Quantity
Secret secretName=1
Claim claimName=1 readOnly=2:bool
Ephemeral
Container name=1 image=2 command=3 args=4 workingDir=5 ports=6:Port env=7:Variable resources=8:Resources \
    volumeMounts=9:Mount terminationMessagePath=13 imagePullPolicy=14 securityContext=15:SecurityContext \
    terminationMessagePolicy=20 restartPolicy=24
SecurityContext privileged=2:bool runAsUser=4:int
Port name=1 hostPort=2:int containerPort=3:int protocol=4 hostIP=5
Variable name=1 value=2
Mount name=1 readOnly=2:bool mountPath=3
Resources limits=1:{Quantity} requests=2:{Quantity}
Affinity nodeAffinity=1:NodeAffinity podAffinity=2:PodAffinity podAntiAffinity=3:PodAffinity
PodAffinity requiredDuringSchedulingIgnoredDuringExecution=1:PodAffinityTerm
PodAffinityTerm topologyKey=3
NodeAffinity requiredDuringSchedulingIgnoredDuringExecution=1:NodeSelector \
    preferredDuringSchedulingIgnoredDuringExecution=2:Preferred
Preferred weight=1:int preference=2:Term
NodeSelector nodeSelectorTerms=1:Term
Term matchExpressions=1:Requirement matchFields=2:Requirement
Requirement key=1 operator=2 values=3
Toleration key=1 operator=2 value=3 effect=4 tolerationSeconds=5:int
Gate name=1
PodStatus phase=1 conditions=2:PodCondition message=3 reason=4 hostIP=5 podIP=6 startTime=7:Time \
    containerStatuses=8:ContainerStatus qosClass=9 initContainerStatuses=10:ContainerStatus nominatedNodeName=11 \
    podIPs=12:Address resize=14 allocatedResources=19:{Quantity} resources=20:Resources
Address ip=1
PodCondition type=1 status=2 lastProbeTime=3:Time lastTransitionTime=4:Time reason=5 message=6 observedGeneration=7:int
ContainerStatus name=1 state=2:State lastState=3:State ready=4:bool restartCount=5:int image=6 imageID=7 containerID=8 \
    started=9:bool allocatedResources=10:{Quantity} resources=11:Resources
State waiting=1:Waiting running=2:Running
Waiting reason=1 message=2
Running startedAt=1:Time
ObjectMeta name=1 generateName=2 namespace=3 selfLink=4 uid=5 resourceVersion=6 generation=7:int creationTimestamp=8:Time \
    deletionTimestamp=9:Time deletionGracePeriodSeconds=10:int labels=11:{string} annotations=12:{string} \
    ownerReferences=13:Owner finalizers=14 managedFields=17:Managed
Owner kind=1 name=3 uid=4 apiVersion=5 controller=6:bool blockOwnerDeletion=7:bool
Managed manager=1 operation=2 apiVersion=3 time=4:Time fieldsType=6 fieldsV1=7:Raw subresource=8
ListMeta selfLink=1 resourceVersion=2 continue=3 remainingItemCount=4:int
Status metadata=1:ListMeta status=2 message=3 reason=4 details=5:Details code=6:int
Details name=1 group=2 kind=3 causes=4:Cause retryAfterSeconds=5:int uid=6
Cause reason=1 message=2 field=3
Unknown
";
