"""Google's Python libraries against the fake: lists, grows and deletes with Application Default Credentials.

    try_python.py google.cloud.compute_v1|googleapiclient URL

The environment names the fake as the metadata server, so the credentials are those of a virtual machine.
"""

import sys

import google.auth

PLACE = {"project": "demo", "zone": "us-central1-b"}
GROUP = {**PLACE, "instance_group_manager": "hub-core"}


def with_compute_v1(credentials, url):
    from google.cloud import compute_v1

    options = {"api_endpoint": url}
    groups = compute_v1.InstanceGroupManagersClient(credentials=credentials, client_options=options)
    # Not `result()` of what a change returns: that asks the real Compute Engine, whatever the endpoint.
    operations = compute_v1.ZoneOperationsClient(credentials=credentials, client_options=options)

    def wait(operation):
        done = operations.wait(**PLACE, operation=operation.name)
        assert done.status == compute_v1.Operation.Status.DONE and not done.error.errors, done

    scopes = dict(groups.aggregated_list(project="demo"))
    assert [group.name for group in scopes["regions/us-east1"].instance_group_managers] == ["batch"], scopes

    size = groups.get(**GROUP).target_size
    wait(groups.resize(**GROUP, size=size + 1))
    assert groups.get(**GROUP).target_size == size + 1

    instance = list(groups.list_managed_instances(**GROUP))[0]
    body = compute_v1.InstanceGroupManagersDeleteInstancesRequest(instances=[instance.instance])
    wait(groups.delete_instances(**GROUP, instance_group_managers_delete_instances_request_resource=body))
    assert groups.get(**GROUP).target_size == size


def with_googleapiclient(credentials, url):
    from googleapiclient import discovery

    options = {"api_endpoint": f"{url}/compute/v1/"}
    compute = discovery.build("compute", "v1", credentials=credentials, client_options=options)
    groups = compute.instanceGroupManagers()
    group = {**PLACE, "instanceGroupManager": "hub-core"}
    scopes = groups.aggregatedList(project="demo").execute()["items"]
    assert [it["name"] for it in scopes["regions/us-east1"]["instanceGroupManagers"]] == ["batch"], scopes

    def wait(operation):
        done = compute.zoneOperations().wait(**PLACE, operation=operation["name"]).execute()
        assert done["status"] == "DONE" and "error" not in done, done

    size = groups.get(**group).execute()["targetSize"]
    wait(groups.resize(**group, size=size + 1).execute())
    assert groups.get(**group).execute()["targetSize"] == size + 1

    instance = groups.listManagedInstances(**group).execute()["managedInstances"][0]
    wait(groups.deleteInstances(**group, body={"instances": [instance["instance"]]}).execute())
    assert groups.get(**group).execute()["targetSize"] == size


if __name__ == "__main__":
    library, url = sys.argv[1:]
    credentials, project = google.auth.default(scopes=["https://www.googleapis.com/auth/compute"])
    assert project == "demo", project
    {"google.cloud.compute_v1": with_compute_v1, "googleapiclient": with_googleapiclient}[library](credentials, url)
    print("done")
