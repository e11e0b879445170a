"""What Azure's own clients do with the fake: see try-azure."""

import json
import sys
import time
import urllib.parse
import urllib.request

from azure.core import MatchConditions
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceModifiedError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.containerservice import ContainerServiceClient

URL = sys.argv[1]
SUBSCRIPTION = "12345678-aaaa-bbbb-cccc-123456789abc"
GROUP = "hub-rg"


class Login(SansIOHTTPPolicy):
    """Signs requests; the clients' own logins insist on https."""

    def __init__(self, token):
        self.token = token

    def on_request(self, request):
        request.http_request.headers["Authorization"] = "Bearer " + self.token


def token():
    form = {"grant_type": "client_credentials", "client_id": "client", "client_secret": "secret", "scope": URL + "/.default"}
    with urllib.request.urlopen(URL + "/tenant/oauth2/v2.0/token", urllib.parse.urlencode(form).encode()) as answer:
        return json.load(answer)["access_token"]


def check(what, passed, shown=""):
    print(("ok       " if passed else "FAILED   ") + what, shown if not passed else "")
    if not passed:
        sys.exit(1)


def eventually(what, ask):
    for _ in range(50):
        if ask():
            break
        time.sleep(0.1)
    check(what, ask())


def raises(kind, status, ask):
    try:
        ask()
    except kind as error:
        return error.status_code == status
    return False


def client(kind, key, version):
    return kind("unused", SUBSCRIPTION, base_url=URL, credential_scopes=["unused"], authentication_policy=Login(key), polling_interval=0, api_version=version)


compute = client(ComputeManagementClient, token(), "2024-11-01")
sets = compute.virtual_machine_scale_sets
names = [one.name for one in sets.list(GROUP)]
check("scale sets of a resource group", names == ["users"], names)
seen = sets.get(GROUP, "users")
check("a scale set has an etag, a capacity and a state", bool(seen.etag) and seen.sku.capacity == 4, seen)


def machines():
    found = compute.virtual_machine_scale_set_vms.list(GROUP, "users", expand="instanceView")
    return {one.instance_id: one for one in found}


def power(instance):
    codes = [status.code for status in machines()[instance].properties.instance_view.statuses]
    return next((code for code in codes if code.startswith("PowerState/")), None)


check("instances over two pages", sorted(machines()) == ["0", "1", "2", "3"], machines())
one = machines()["1"]
check("an instance has a computer name", one.properties.os_profile.computer_name == "users000001", one)
check("and a unique ID", bool(one.properties.vm_id), one)


def patch(capacity, etag):
    update = {"sku": {"capacity": capacity}}
    return sets.begin_update(GROUP, "users", update, etag=etag, match_condition=MatchConditions.IfNotModified).result()


check("a growth with the etag", patch(5, seen.etag).sku.capacity == 5)
check("a growth with an old etag: 412", raises(ResourceModifiedError, 412, lambda: patch(6, seen.etag)))
eventually("the new instance runs", lambda: power("4") == "PowerState/running")
sets.begin_deallocate(GROUP, "users", {"instanceIds": ["2"]}).result()
eventually("an instance is deallocated", lambda: power("2") == "PowerState/deallocated")
check("and no other", power("1") == "PowerState/running")
sets.begin_start(GROUP, "users", {"instanceIds": ["2"]}).result()
eventually("it runs again", lambda: power("2") == "PowerState/running")
sets.begin_delete_instances(GROUP, "users", {"instanceIds": ["3"]}).result()
eventually("an instance is deleted", lambda: sorted(machines()) == ["0", "1", "2", "4"])
check("and the capacity falls", sets.get(GROUP, "users").sku.capacity == 4)
check(
    "an unknown instance: 400",
    raises(HttpResponseError, 400, lambda: sets.begin_delete_instances(GROUP, "users", {"instanceIds": ["9"]}).result()),
)
sets.begin_deallocate(GROUP, "users").result()
eventually("without a list, every instance is deallocated", lambda: {power(one) for one in machines()} == {"PowerState/deallocated"})
nobody = client(ComputeManagementClient, "nobody", "2024-11-01")
check("a token that nobody gave: 401", raises(ClientAuthenticationError, 401, lambda: list(nobody.virtual_machine_scale_sets.list(GROUP))))

aks = client(ContainerServiceClient, token(), "2025-05-01")
cluster = next(iter(aks.managed_clusters.list()))
check("managed clusters", cluster.properties.node_resource_group == "MC_hub-rg_hub_westeurope", cluster)
pools = {pool.name: pool for pool in aks.agent_pools.list(GROUP, "hub")}
check("agent pools", sorted(pools) == ["system", "users"], pools)
pool = aks.agent_pools.get(GROUP, "hub", "users")


def put(count, etag):
    pool.properties.count = count
    return aks.agent_pools.begin_create_or_update(
        GROUP, "hub", "users", pool, etag=etag, match_condition=MatchConditions.IfNotModified
    ).result()


old = pool.properties.e_tag
check("a pool grows with the etag", put(4, old).properties.count == 4)
check("with an old etag: 412", raises(ResourceModifiedError, 412, lambda: put(5, old)))
ready = lambda: aks.agent_pools.get(GROUP, "hub", "users").properties.provisioning_state == "Succeeded"
eventually("the pool is ready", ready)
aks.agent_pools.begin_delete_machines(GROUP, "hub", "users", {"machineNames": ["aks-users-31442278-vmss000001"]}).result()
eventually("a machine is deleted by its name", lambda: ready() and aks.agent_pools.get(GROUP, "hub", "users").properties.count == 3)
