"""AWS's own Python client on the fake Auto Scaling, request by request. --moto URL only makes a group at moto's server.

    try-aws.py URL | try-aws.py --moto URL
"""

import os
import shutil
import subprocess
import sys
import time

import boto3
import botocore.config
import botocore.exceptions

GROUP = "users"
FIRST = "i-00000000000000001"


def client(service, url):
    config = botocore.config.Config(retries={"total_max_attempts": 1})
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", config=config)


def check(what, holds, seen):
    print(("ok       " if holds else "FAILED   ") + what, flush=True)
    if not holds:
        print(seen, file=sys.stderr)
        sys.exit(1)


def refused(what, status, code, words, ask):
    try:
        answer = ask()
    except botocore.exceptions.ClientError as error:
        answer = error.response
        told, meta = answer["Error"], answer["ResponseMetadata"]
        holds = meta["HTTPStatusCode"] == status and told["Code"] == code and words in told["Message"]
        check(what, holds, answer)
        return
    check(what, False, answer)


def group(asg):
    return asg.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"][0]


def until(what, holds):
    for _ in range(100):
        if holds():
            break
        time.sleep(0.1)
    check(what, holds(), "it does not come true")


def try_fake(url):
    asg = client("autoscaling", url)
    seen = group(asg)
    check("DescribeAutoScalingGroups: sizes", (seen["MinSize"], seen["MaxSize"], seen["DesiredCapacity"]) == (2, 8, 3), seen)
    check("its instances", {one["LifecycleState"] for one in seen["Instances"]} == {"InService"}, seen)
    check("its suspended processes", seen["SuspendedProcesses"][0]["ProcessName"] == "AZRebalance", seen)
    check("its tags", seen["Tags"][0]["Key"] == "kubernetes.io/cluster/hub", seen)
    seen = asg.describe_auto_scaling_instances(InstanceIds=[FIRST, "i-0123456789abcdef0"])["AutoScalingInstances"]
    check("DescribeAutoScalingInstances: an unknown ID is missing", [one["InstanceId"] for one in seen] == [FIRST], seen)
    check("its group", seen[0]["AutoScalingGroupName"] == GROUP, seen)
    too_many = [f"i-{number:017x}" for number in range(51)]
    refused("more than 50 IDs", 400, "ValidationError", "less than or equal to 50",
            lambda: asg.describe_auto_scaling_instances(InstanceIds=too_many))
    seen = asg.describe_policies(AutoScalingGroupName=GROUP)["ScalingPolicies"]
    check("DescribePolicies", [one["PolicyName"] for one in seen] == ["cpu"], seen)
    seen = asg.describe_scheduled_actions(AutoScalingGroupName=GROUP)["ScheduledUpdateGroupActions"]
    check("DescribeScheduledActions", [one["ScheduledActionName"] for one in seen] == ["night"], seen)
    seen = asg.describe_lifecycle_hooks(AutoScalingGroupName=GROUP)["LifecycleHooks"]
    check("DescribeLifecycleHooks", seen == [], seen)
    seen = asg.describe_instance_refreshes(AutoScalingGroupName=GROUP)["InstanceRefreshes"]
    check("DescribeInstanceRefreshes", [one["Status"] for one in seen] == ["Successful"], seen)
    ask = dict(AutoScalingGroupName=GROUP, RequestedCapacity=1, AvailabilityZones=["us-east-1b"], ClientToken="token")
    if hasattr(asg, "launch_instances"):
        seen = asg.launch_instances(**ask)
        check("LaunchInstances", len(seen["Instances"][0]["InstanceIds"]) == 1 and seen["Errors"] == [], seen)
        check("the same token is the same launch", asg.launch_instances(**ask)["Instances"] == seen["Instances"], seen)
        refused("the token with another number", 400, "IdempotentParameterMismatch", "do not match",
                lambda: asg.launch_instances(**{**ask, "RequestedCapacity": 2}))
        refused("no zone in a group of two", 400, "ValidationError", "Availability Zone",
                lambda: asg.launch_instances(AutoScalingGroupName=GROUP, RequestedCapacity=1, ClientToken="other"))
    else:
        print("skipped  LaunchInstances: this boto3 does not know it")
        asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=4)
    check("the size follows", group(asg)["DesiredCapacity"] == 4, group(asg))
    refused("above MaxSize", 400, "ValidationError", "above max value 8",
            lambda: asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=9))
    until("all are in service", lambda: all(one["LifecycleState"] == "InService" for one in group(asg)["Instances"]))
    seen = asg.describe_scaling_activities(AutoScalingGroupName=GROUP)["Activities"]
    check("DescribeScalingActivities", seen[0]["Description"].startswith("Launching a new EC2 instance: i-"), seen)
    try_shapes(group(asg), client("ec2", url))
    try_standby(asg, client("ec2", url))
    end = dict(ShouldDecrementDesiredCapacity=True)
    seen = asg.terminate_instance_in_auto_scaling_group(InstanceId=FIRST, **end)
    check("TerminateInstanceInAutoScalingGroup", seen["Activity"]["StatusCode"] == "InProgress", seen)
    until("it is gone", lambda: FIRST not in [one["InstanceId"] for one in group(asg)["Instances"]])
    check("the size follows down", group(asg)["DesiredCapacity"] == 3, group(asg))
    asg.terminate_instance_in_auto_scaling_group(InstanceId="i-00000000000000002", **end)
    refused("below MinSize", 400, "ValidationError", "desiredSize equals minSize (2)",
            lambda: asg.terminate_instance_in_auto_scaling_group(InstanceId="i-00000000000000003", **end))
    refused("an unknown instance", 400, "ValidationError", "Instance Id not found",
            lambda: asg.terminate_instance_in_auto_scaling_group(InstanceId="i-0123456789abcdef0", **end))
    refused("an unknown group", 400, "ValidationError", "not found",
            lambda: asg.set_desired_capacity(AutoScalingGroupName="nope", DesiredCapacity=1))
    command = shutil.which("aws", path=os.path.dirname(sys.executable)) or shutil.which("aws")
    if command is None:
        print("skipped  aws: there is no such command")
        return
    words = [command, "--endpoint-url", url, "autoscaling", "describe-auto-scaling-groups", "--output", "text"]
    seen = subprocess.run(words, capture_output=True, text=True, check=False)
    check("aws autoscaling describe-auto-scaling-groups", seen.returncode == 0 and GROUP in seen.stdout, seen)


def try_shapes(seen, ec2):
    template = dict(LaunchTemplateId=seen["LaunchTemplate"]["LaunchTemplateId"])
    check("its launch template", seen["LaunchTemplate"]["Version"] == "$Latest", seen)
    kinds = lambda *versions: [one["LaunchTemplateData"]["InstanceType"] for one in
                               ec2.describe_launch_template_versions(**template, Versions=list(versions))["LaunchTemplateVersions"]]
    check("DescribeLaunchTemplateVersions", kinds("$Latest", "$Default", "1") == ["m5.xlarge", "m5.large", "m5.large"], kinds("$Latest"))
    refused("a missing version", 400, "InvalidLaunchTemplateId.VersionNotFound", "version 9", lambda: kinds("9"))
    refused("a missing launch template", 400, "InvalidLaunchTemplateId.NotFound", "does not exist",
            lambda: ec2.describe_launch_template_versions(LaunchTemplateId="lt-9", Versions=["1"]))
    by_name = [dict(Name="instance-type", Values=["g4dn.xlarge", "x9.huge"])]
    seen = ec2.describe_instance_types(Filters=by_name)["InstanceTypes"]
    check("DescribeInstanceTypes: an unknown type of a filter is missing", [one["InstanceType"] for one in seen] == ["g4dn.xlarge"], seen)
    check("its hardware", (seen[0]["VCpuInfo"]["DefaultVCpus"], seen[0]["MemoryInfo"]["SizeInMiB"]) == (4, 16384), seen)
    check("its GPU", [(one["Manufacturer"], one["Count"]) for one in seen[0]["GpuInfo"]["Gpus"]] == [("NVIDIA", 1)], seen)
    check("its architectures", seen[0]["ProcessorInfo"]["SupportedArchitectures"] == ["x86_64"], seen)
    network = seen[0]["NetworkInfo"]
    check("its network", (network["MaximumNetworkInterfaces"], network["Ipv4AddressesPerInterface"]) == (3, 10), seen)
    refused("an unknown type", 400, "InvalidInstanceType", "x9.huge",
            lambda: ec2.describe_instance_types(InstanceTypes=["x9.huge"]))


def try_standby(asg, ec2):
    one, lower = [FIRST], dict(AutoScalingGroupName=GROUP, ShouldDecrementDesiredCapacity=True)
    power = lambda: ec2.describe_instances(InstanceIds=one)["Reservations"][0]["Instances"][0]["State"]["Name"]
    state = lambda: next(this["LifecycleState"] for this in group(asg)["Instances"] if this["InstanceId"] == FIRST)
    by_id = [dict(Name="instance-id", Values=[FIRST, "i-0123456789abcdef0"])]
    seen = ec2.describe_instances(Filters=by_id)["Reservations"]
    check("ec2 DescribeInstances: an unknown ID of a filter is missing", [this["Instances"][0]["InstanceId"] for this in seen] == one, seen)
    check("its root device", seen[0]["Instances"][0]["RootDeviceType"] == "ebs", seen)
    refused("ec2: an unknown ID", 400, "InvalidInstanceID.NotFound", "does not exist",
            lambda: ec2.stop_instances(InstanceIds=["i-0123456789abcdef0"]))
    refused("StopInstances as a dry run", 412, "DryRunOperation", "would have succeeded",
            lambda: ec2.stop_instances(InstanceIds=one, DryRun=True))
    seen = asg.enter_standby(InstanceIds=one, **lower)["Activities"]
    check("EnterStandby", seen[0]["Description"] == f"Moving EC2 instance to Standby: {FIRST}", seen)
    until("it is in standby", lambda: state() == "Standby")
    check("the size follows down", group(asg)["DesiredCapacity"] == 3, group(asg))
    refused("a second time", 400, "ValidationError", "is not in InService",
            lambda: asg.enter_standby(InstanceIds=one, **lower))
    seen = ec2.stop_instances(InstanceIds=one)["StoppingInstances"]
    check("StopInstances", seen[0]["CurrentState"]["Name"] == "stopping" and seen[0]["PreviousState"]["Name"] == "running", seen)
    until("it is stopped, and not replaced", lambda: power() == "stopped" and state() == "Standby")
    machine = ec2.describe_instances(InstanceIds=one)["Reservations"][0]["Instances"][0]
    check("why it is stopped", machine["StateReason"]["Code"] == "Client.UserInitiatedShutdown", machine)
    seen = ec2.start_instances(InstanceIds=one)["StartingInstances"]
    check("StartInstances", seen[0]["CurrentState"]["Name"] == "pending", seen)
    until("it runs", lambda: power() == "running")
    asg.exit_standby(InstanceIds=one, AutoScalingGroupName=GROUP)
    until("ExitStandby: it is in service", lambda: state() == "InService")
    check("the size follows up again", group(asg)["DesiredCapacity"] == 4, group(asg))


def make_at_moto(url):
    ec2, asg = client("ec2", url), client("autoscaling", url)
    image = ec2.describe_images()["Images"][0]["ImageId"]
    for kind in ["m5.large", "m5.xlarge"]:
        make = ec2.create_launch_template if kind == "m5.large" else ec2.create_launch_template_version
        make(LaunchTemplateName="users", LaunchTemplateData=dict(ImageId=image, InstanceType=kind))
    tag = dict(Key="kubernetes.io/cluster/hub", Value="owned", PropagateAtLaunch=True, ResourceId=GROUP, ResourceType="auto-scaling-group")
    asg.create_auto_scaling_group(AutoScalingGroupName=GROUP, LaunchTemplate=dict(LaunchTemplateName="users", Version="$Latest"), MinSize=1, MaxSize=8,
                                  DesiredCapacity=3, AvailabilityZones=["us-east-1a"], Tags=[tag])
    check("moto: a group of three", len(group(asg)["Instances"]) == 3, group(asg))


if __name__ == "__main__":
    if sys.argv[1] == "--moto":
        make_at_moto(sys.argv[2])
    else:
        try_fake(sys.argv[1])
