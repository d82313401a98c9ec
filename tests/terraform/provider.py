"""A stand-in for the AWS provider: it has that one's schema, accepts all that fits it, and creates nothing.

Terraform talks with it as with any provider that is being debugged (`TF_REATTACH_PROVIDERS`), so that nothing is downloaded, and
checks types, required arguments, blocks and references itself. What AWS would tell only once a resource is made is unknown
while Terraform plans, and is made up by `aws.py` afterwards.
"""

import json
import os
from concurrent import futures
from pathlib import Path

import aws
import grpc
import msgpack
from tf.gen import tfplugin_pb2 as wire
from tf.gen import tfplugin_pb2_grpc as service

SCHEMA = Path(__file__).resolve().parent / "schema.json"
UNKNOWN = msgpack.ExtType(0, b"\0")
NESTING = {"single": 1, "list": 2, "set": 3}


def read(value):
    """A value as Terraform sends it; None for none at all."""
    return msgpack.unpackb(value.msgpack, strict_map_key=False) if value.msgpack else None


def written(value):
    """A value as Terraform takes it."""
    return wire.DynamicValue(msgpack=msgpack.packb(value))


def is_told(name, attribute):
    """Whether AWS tells an attribute that nobody has set. The extract does not say so of those that could be set."""
    return attribute.get("computed", False) or name == "arn"


def block_of(schema):
    """The schema of a block, as Terraform takes it."""
    attributes = [wire.Schema.Attribute(
        name=name, type=json.dumps(attribute["type"]).encode(), required=attribute.get("required", False),
        optional=not attribute.get("required") and not attribute.get("computed"),
        computed=not attribute.get("required") and is_told(name, attribute))
        for name, attribute in schema["attributes"].items()]
    blocks = [wire.Schema.NestedBlock(
        type_name=name, nesting=NESTING[within["nesting"]], block=block_of(within), max_items=within.get("max", 0),
        min_items=1 if within.get("required") and within["nesting"] != "single" else 0)
        for name, within in schema.get("blocks", {}).items()]
    return wire.Schema.Block(attributes=attributes, block_types=blocks)


def failed(error):
    """An error, as Terraform shows it."""
    return [wire.Diagnostic(severity=wire.Diagnostic.ERROR, summary=str(error))]


def refused(schema, values, steps=()):
    """Errors about attributes that only AWS sets, wherever they are in a block."""
    errors = []
    for name, attribute in schema["attributes"].items():
        if attribute.get("computed") and values.get(name) is not None:
            path = wire.AttributePath(steps=[*steps, wire.AttributePath.Step(attribute_name=name)])
            errors.append(wire.Diagnostic(severity=wire.Diagnostic.ERROR, attribute=path,
                                          summary=f"`{name}` is set by AWS: it can only be read"))
    for name, block in schema.get("blocks", {}).items():
        within = values.get(name)
        for value in within if isinstance(within, list) else [within]:
            if isinstance(value, dict):
                errors += refused(block, value, steps if block["nesting"] == "set" else (
                    *steps, wire.AttributePath.Step(attribute_name=name)))
    return errors


class Provider(service.ProviderServicer):
    """The calls that Terraform makes."""

    def __init__(self):
        schema = json.loads(SCHEMA.read_text())
        self.resources, self.data_sources = schema["resources"], schema["data_sources"]
        self.region = "eu-west-2"

        def of(schemas):
            return {name: wire.Schema(version=0, block=block_of(schema)) for name, schema in schemas.items()}

        self.schema = wire.GetProviderSchema.Response(
            provider=wire.Schema(block=block_of(schema["provider"])), resource_schemas=of(self.resources),
            data_source_schemas=of(self.data_sources))

    def GetProviderSchema(self, request, context):
        """All that may be written in a configuration."""
        return self.schema

    def ValidateProviderConfig(self, request, context):
        """What fits the schema is good."""
        return wire.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request, context):
        """What fits the schema is good; Terraform leaves it to providers to refuse what nobody can set."""
        return wire.ValidateResourceConfig.Response(
            diagnostics=refused(self.resources[request.type_name], read(request.config)))

    def ValidateDataResourceConfig(self, request, context):
        """As for resources."""
        return wire.ValidateDataResourceConfig.Response(
            diagnostics=refused(self.data_sources[request.type_name], read(request.config)))

    def ConfigureProvider(self, request, context):
        """The region is the only thing that matters."""
        self.region = read(request.config).get("region") or self.region
        return wire.ConfigureProvider.Response()

    def UpgradeResourceState(self, request, context):
        """The state of the last run fits: it was made a moment ago."""
        return wire.UpgradeResourceState.Response(upgraded_state=wire.DynamicValue(json=request.raw_state.json))

    def ReadResource(self, request, context):
        """Nothing changes by itself."""
        return wire.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request, context):
        """What only AWS knows is unknown so far."""
        planned = read(request.proposed_new_state)
        if planned is not None:
            for name, attribute in self.resources[request.type_name]["attributes"].items():
                if is_told(name, attribute) and planned.get(name) is None:
                    planned[name] = UNKNOWN
        return wire.PlanResourceChange.Response(planned_state=written(planned))

    def ApplyResourceChange(self, request, context):
        """Makes up what AWS would tell."""
        made = read(request.planned_state)
        if made is not None:
            known = {name: None if isinstance(value, msgpack.ExtType) else value for name, value in made.items()}
            told = aws.resource(request.type_name, known, self.region)
            made = {name: told.get(name) if isinstance(value, msgpack.ExtType) else value for name, value in made.items()}
        return wire.ApplyResourceChange.Response(new_state=written(made))

    def ReadDataSource(self, request, context):
        """Makes up what AWS would tell, and policies."""
        values = read(request.config)
        try:
            told = aws.data(request.type_name, values, self.region)
        except (ValueError, KeyError) as error:
            return wire.ReadDataSource.Response(diagnostics=failed(error))
        return wire.ReadDataSource.Response(state=written({**values, **told}))

    def StopProvider(self, request, context):
        """There is nothing to stop."""
        return wire.StopProvider.Response()


class Server:
    """The stand-in, as long as the block lasts; its value is the environment that Terraform needs."""

    def __enter__(self):
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
        service.add_ProviderServicer_to_server(Provider(), self.server)
        port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()
        reattach = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True,
                    "Addr": {"Network": "tcp", "String": f"127.0.0.1:{port}"}}
        return {"TF_REATTACH_PROVIDERS": json.dumps({"registry.terraform.io/hashicorp/aws": reattach})}

    def __exit__(self, *_):
        self.server.stop(None)
