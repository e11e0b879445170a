"""The services of tests/openstack/start, and what they begin with: serve.py NAME FOLDER."""

import datetime
import json
import os
import re
import sys
import threading
import time
import uuid

NAME, WORK = sys.argv[1:3]
IMAGE = "11111111-1111-1111-1111-111111111111"
# The services read the arguments of their process.
sys.argv = [NAME, "--config-file", f"{WORK}/{NAME}/{NAME}.conf"]


def listen(application, port, threads=6):
    from waitress import serve

    serve(application, host="127.0.0.1", port=port, threads=threads)


def keystone():
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = f"{WORK}/keystone/keystone.conf"
    from keystone.wsgi.api import application

    listen(application, 5000)


def placement():
    os.environ["OS_PLACEMENT_CONFIG_DIR"] = f"{WORK}/placement"
    from placement.wsgi.api import application

    listen(application, 8778)


def nova():
    from nova import monkey_patch

    monkey_patch.patch(backend="threading")
    import nova.conf
    import os_vif
    from nova import config, context, objects, service
    from nova.api.wsgi import Loader
    from nova.objects import host_mapping
    from oslo_log import log

    config.parse_args(sys.argv)
    log.setup(nova.conf.CONF, "nova")
    objects.register_all()
    os_vif.initialize()
    os.environ["OS_NOVA_CONFIG_DIR"] = f"{WORK}/nova"
    for binary, host in (("nova-conductor", "ctl"), ("nova-scheduler", "ctl"), ("nova-compute", "c1")):
        service.Service.create(binary=binary, host=host).start()
    host_mapping.discover_hosts(context.get_admin_context())
    listen(Loader().load_app("osapi_compute"), 8774, threads=8)


def magnum():
    """API and conductor, a cluster with two node groups, and a driver that keeps to what it is asked for."""
    from magnum.common import service

    service.prepare_service(sys.argv)
    import magnum.conf
    import sqlalchemy
    from magnum import objects
    from magnum.api import app
    from magnum.common import context, rpc_service
    from magnum.conductor.handlers import ca_conductor, cluster_conductor, conductor_listener, indirection_api
    from magnum.conductor.handlers import nodegroup_conductor
    from magnum.db.sqlalchemy import models
    from magnum.drivers.common import driver

    def resize(self, _, cluster, manager, count, named, group):
        if group.name == "broken":
            raise RuntimeError("the driver of the tests fails here")
        now = [server for server in of_project() if server["name"].startswith(f"{cluster.stack_id}-{group.name}-")]
        for identity in named:
            user.delete(f"{nova}/servers/{identity}", headers=NOVA_VERSION, raise_exc=False)
        for number in range(count - len(now)):
            make_server(user, f"{cluster.stack_id}-{group.name}-new-{number}")

        def end():
            time.sleep(1)
            for one in (cluster, group):
                one.status = "UPDATE_COMPLETE"
                one.save()

        threading.Thread(target=end, daemon=True).start()

    nova, user = "http://127.0.0.1:8774/v2.1", session("ops", "hub")

    def of_project():
        return user.get(f"{nova}/servers/detail", headers=NOVA_VERSION).json()["servers"]

    methods = {name: lambda self, *_, **__: None for name in driver.Driver.__abstractmethods__}
    ours = type("Ours", (driver.Driver,), {**methods, "resize_cluster": resize})
    driver.Driver.get_driver = classmethod(lambda cls, *_, **__: ours())
    models.Base.metadata.create_all(sqlalchemy.create_engine(magnum.conf.CONF.database.connection))
    handlers = [module.Handler() for module in (
        indirection_api, cluster_conductor, conductor_listener, nodegroup_conductor, ca_conductor)]
    rpc_service.Service.create(
        magnum.conf.CONF.conductor.topic, "ctl", handlers, binary="magnum-conductor").start()
    admin = context.make_admin_context()
    owner = {"project_id": user.get_project_id(), "user_id": user.get_user_id()}
    template = objects.ClusterTemplate(
        admin, name="tests", uuid=str(uuid.uuid4()), image_id="ubuntu", coe="kubernetes", server_type="vm",
        cluster_distro="ubuntu", labels={}, public=True, **owner)
    template.create()
    cluster = objects.Cluster(
        admin, uuid=str(uuid.uuid4()), name="hub", cluster_template_id=template.uuid, status="CREATE_COMPLETE",
        labels={}, stack_id="hub-stack", **owner)
    cluster.create()
    for name, role, count, most in (
            ("default-master", "master", 1, None), ("default-worker", "worker", 5, 8), ("broken", "worker", 1, 3)):
        objects.NodeGroup(
            admin, name=name, cluster_id=cluster.uuid, project_id=owner["project_id"], is_default=name != "broken",
            role=role, node_count=count, min_node_count=1, max_node_count=most, status="CREATE_COMPLETE", labels={},
            flavor_id="5", image_id=IMAGE, node_addresses=[]).create()
    listen(app.load_app(), 9511)


def stand_ins():
    """Images and networks, as far as Nova asks for them."""
    images = {}

    def image(identity, **fields):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        images[identity] = {
            "id": identity, "name": identity, "status": "active", "visibility": "public", "container_format": "bare",
            "disk_format": "raw", "size": 1, "min_ram": 0, "min_disk": 0, "created_at": now, "updated_at": now,
            "protected": False, "checksum": None, "owner": None, "tags": [], "file": f"/v2/images/{identity}/file",
            "schema": "/v2/schemas/image", "self": f"/v2/images/{identity}", **fields,
        }
        return images[identity]

    image(IMAGE)

    def application(environment, start):
        method, path, port = (environment[key] for key in ("REQUEST_METHOD", "PATH_INFO", "SERVER_PORT"))
        body = environment["wsgi.input"].read(int(environment.get("CONTENT_LENGTH") or 0))

        def answer(status, value):
            text = json.dumps(value).encode()
            start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
            return [text]

        def versions(number):
            links = [{"rel": "self", "href": f"http://127.0.0.1:{port}/v{number.split('.')[0]}/"}]
            return {"versions": [{"id": f"v{number}", "status": "CURRENT", "links": links}]}

        if port == "9292" and path in ("/", "/v2", "/v2/"):
            return answer("300 Multiple Choices", versions("2.9"))
        if path == "/":
            return answer("200 OK", versions("2.0"))
        if path.startswith("/v2/schemas/image"):
            fields = {key: {} for key in images[IMAGE]}
            return answer("200 OK", {"name": "image", "properties": fields, "additionalProperties": {}})
        found = re.fullmatch(r"/v2/images(?:/([^/]+))?(?:/file)?", path)
        if not found:
            return answer("200 OK", {path.rstrip("/").split("/")[-1].replace("-", "_"): []})
        identity = found.group(1)
        if method == "POST":
            return answer("201 Created", image(str(uuid.uuid4()), **json.loads(body)))
        if identity is None:
            return answer("200 OK", {"images": list(images.values())})
        if identity not in images:
            return answer("404 Not Found", {"error": "no image"})
        if method in ("PUT", "DELETE"):
            if method == "DELETE":
                del images[identity]
            start("204 No Content", [])
            return []
        return answer("200 OK", images[identity])

    threading.Thread(target=listen, args=(application, 9292, 4), daemon=True).start()
    listen(application, 9696, threads=4)


def session(user, project):
    from keystoneauth1 import session as sessions
    from keystoneauth1.identity import v3

    return sessions.Session(auth=v3.Password(
        auth_url="http://127.0.0.1:5000/v3", username=user, password="secret", project_name=project,
        user_domain_id="default", project_domain_id="default"))


def until(what, is_so):
    for _ in range(600):
        try:
            if is_so():
                return
        except Exception as error:  # what does not listen yet
            what = f"{what}: {error}"[:400]
        time.sleep(0.5)
    sys.exit(f"gave up waiting for {what}")


def accounts():
    url = "http://127.0.0.1:5000/v3"
    admin = session("admin", "admin")
    until("keystone", lambda: admin.get(f"{url}/roles").status_code == 200)
    roles = {role["name"]: role["id"] for role in admin.get(f"{url}/roles").json()["roles"]}

    def make(kind, **fields):
        return admin.post(f"{url}/{kind}s", json={kind: fields}).json()[kind]["id"]

    trustee = make("user", name="trustee", domain_id="default", password="trusted")
    for project, user, names in (("service", "nova", ("admin", "service")), ("hub", "ops", ("member",))):
        project = make("project", name=project, domain_id="default")
        user = make("user", name=user, domain_id="default", password="secret")
        for name in names:
            admin.put(f"{url}/projects/{project}/users/{user}/roles/{roles[name]}")
    ops = session("ops", "hub")
    trust = {"trustor_user_id": ops.get_user_id(), "trustee_user_id": trustee, "project_id": ops.get_project_id(),
             "impersonation": True, "roles": [{"name": "member"}]}
    trust = ops.post(f"{url}/OS-TRUST/trusts", json={"trust": trust}).json()["trust"]["id"]
    # As Magnum writes it into the nodes of a cluster.
    with open(f"{WORK}/trust.conf", "w") as file:
        file.write(f"[Global]\nauth-url={url}\nuser-id={trustee}\npassword=trusted\ntrust-id={trust}\n")
    for kind, address in (("compute", "8774/v2.1"), ("placement", "8778"), ("image", "9292"), ("network", "9696"),
                          ("container-infra", "9511/v1")):
        service = make("service", type=kind, name=kind)
        for interface in ("public", "internal", "admin"):
            make("endpoint", service_id=service, interface=interface, url=f"http://127.0.0.1:{address}",
                 region_id="RegionOne")


NOVA_VERSION = {"OpenStack-API-Version": "compute 2.95"}


def make_server(user, name):
    server = {"name": name, "flavorRef": "5", "imageRef": IMAGE, "networks": "none"}
    user.post("http://127.0.0.1:8774/v2.1/servers", json={"server": server}, headers=NOVA_VERSION)


def servers():
    url = "http://127.0.0.1:8774/v2.1"
    version = NOVA_VERSION
    admin, user = session("admin", "admin"), session("ops", "hub")
    # All servers find room on the one host, which has 8 GiB.
    flavor = {"flavor": {"id": "5", "name": "small", "ram": 256, "vcpus": 1, "disk": 1}}
    until("nova", lambda: admin.post(f"{url}/flavors", json=flavor, headers=version).status_code == 200)
    sets = (("contract", 3), ("client", 2), ("workshop", 10), ("hub-stack-default-worker", 5), ("hub-stack-broken", 1))
    names = [f"{name}-{number}" for name, count in sets for number in range(count)]
    for name in names:
        make_server(user, name)

    def all_run():
        found = user.get(f"{url}/servers/detail", headers=version).json()["servers"]
        return len(found) == len(names) and all(server["status"] == "ACTIVE" for server in found)

    until("the servers", all_run)


globals()[NAME.replace("-", "_")]()
