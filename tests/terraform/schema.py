#!/usr/bin/env python3
"""Makes `schema.json`: what the AWS provider says of the resources that `terraform/` has, and of its own configuration.

    schema.py [--check]

The provider's schema comes from the npm package `@cdktf/provider-aws`, whose JavaScript says of each argument and block its
type, and whether it must stand, may stand or is told by AWS. The package is fetched with `npm pack` into `target/terraform`,
once; it has 37 MB, hence the extract beside this file. It does not say which arguments AWS fills in where they are left out
(`Optional` and `Computed`): those count as optional. With `--check` nothing is written, and a differing extract is an error.
"""

import argparse
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = ROOT / "target" / "terraform"
PACKAGE, VERSION = "@cdktf/provider-aws", "21.22.1"

ARGUMENT = re.compile(r"^ {8,12}(\w+): \{\n\s+value: .*\n\s+isBlock: (true|false),\n\s+type: \"(\w+)\","
                      r"\n\s+storageClassType: \"(\w+)\",", re.MULTILINE)
GETTER = re.compile(r"this\.(?:interpolationForAttribute|get(\w+)Attribute)\('(\w+)'\)")
NESTED = re.compile(r"new (\w+?)(List|Map|OutputReference)\(this, \"(\w+)\"")


def download():
    """The path of the package, fetched if it isn't there."""
    archive = CACHE / f"cdktf-provider-aws-{VERSION}.tgz"
    if not archive.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=CACHE, check=True, stdout=sys.stderr)
    return archive


def used_types():
    """The types of resources and data sources that the configuration has."""
    blocks = [re.findall(r'^(resource|data) "(aws_\w+)"', path.read_text(), re.MULTILINE)
              for path in (ROOT / "terraform").glob("*.tf")]
    found = {block for of_file in blocks for block in of_file}
    return [sorted(name for kind, name in found if kind == wanted) for wanted in ("resource", "data")]


def camel(name):
    """The name of an argument in JavaScript, as the one of its `reset...`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def type_of(kind, storage):
    """The type of an argument, as Terraform writes it in JSON."""
    plain = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
    if kind == "simple":
        return plain[storage]
    return [kind, plain[re.sub(r"(List|Map|Set)$", "", storage)]]


def type_of_getter(getter):
    """The type of what is only read."""
    types = {"String": "string", "Number": "number", "Boolean": "bool", "List": ["list", "string"],
             "StringMap": ["map", "string"], "NumberList": ["list", "number"]}
    return types.get(getter, "dynamic")


def sections(code):
    """The code of each function that writes a structure, and of each class, by name."""
    parts = re.split(r"^(?:function|class) (\w+)", code, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def block(parts, writer, reader):
    """A block: its arguments, what is only read, and the blocks within."""
    attributes, blocks = {}, {}
    # The provider's own blocks are never read, and nothing says what they need.
    code = parts.get(reader)
    single = {name for _, kind, name in NESTED.findall(code or "") if kind == "OutputReference"}
    for name, is_block, kind, storage in ARGUMENT.findall(parts[writer]):
        optional = code is None or re.search(rf"^ +reset{camel(name)}\(\)", code, re.MULTILINE)
        required = {} if optional else {"required": True}
        if is_block == "false":
            attributes[name] = {"type": type_of(kind, storage), **required}
            continue
        struct = storage if kind == "struct" else re.sub(r"(List|Map|Set)$", "", storage)
        writer_within = struct[:1].lower() + struct[1:] + "ToHclTerraform"
        within = block(parts, writer_within, f"{struct}OutputReference")
        nesting = "single" if kind == "struct" else kind
        most = {"max": 1} if name in single and nesting != "single" else {}
        blocks[name] = {"nesting": nesting, **required, **most, **within}
    for getter, name in GETTER.findall(code or ""):
        if name not in attributes and name not in blocks:
            attributes[name] = {"type": type_of_getter(getter), "computed": True}
    result = {"attributes": dict(sorted(attributes.items()))}
    return {**result, "blocks": dict(sorted(blocks.items()))} if blocks else result


def schema_of(code):
    """The schema of one file of the package."""
    parts = sections(code)
    main = next(name for name, text in parts.items() if "synthesizeHclAttributes() {" in text)
    before, after = parts[main].split("synthesizeHclAttributes() {")
    schema = block({**parts, "": after, main: before}, "", main)
    if "id" in schema["attributes"]:
        schema["attributes"]["id"] = {"type": "string", "computed": True}
    return schema


def extract():
    """The whole extract."""
    resources, data = used_types()
    files = {f"package/lib/{kind}{name[4:].replace('_', '-')}/index.js": (place, name)
             for place, kind, names in [("resources", "", resources), ("data_sources", "data-aws-", data)]
             for name in names}
    provider, manifest = "package/lib/provider/index.js", "package/package.json"
    found = {"resources": {}, "data_sources": {}}
    with tarfile.open(download()) as archive:
        for member in archive:
            if member.name not in files and member.name not in (provider, manifest):
                continue
            text = archive.extractfile(member).read().decode()
            if member.name == manifest:
                found["provider_version"] = json.loads(text)["cdktf"]["provider"]["version"]
            elif member.name == provider:
                found["provider"] = schema_of(text)
            else:
                place, name = files[member.name]
                found[place][name] = schema_of(text)
    missing = [name for place, name in files.values() if name not in found[place]]
    if missing:
        sys.exit(f"the provider has no {', '.join(missing)}")
    return {"package": f"{PACKAGE} {VERSION}", **found}


def text_of(schema):
    """The extract as text: a line for each resource, so that differences can be read."""
    lines = []
    for key, value in sorted(schema.items()):
        if key in ("resources", "data_sources"):
            rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value[name])}" for name in sorted(value))
            lines.append(f"{json.dumps(key)}: {{\n{rows}\n}}")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main():
    """Writes the extract, or compares it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare with the extract that is there")
    arguments = parser.parse_args()
    text, path = text_of(extract()), HERE / "schema.json"
    if not arguments.check:
        path.write_text(text)
        return 0
    if not path.is_file() or path.read_text() != text:
        print(f"{path.relative_to(ROOT)} is not what the package says: run tests/terraform/schema.py", file=sys.stderr)
        return 1
    print(f"ok schema.json: it is what {PACKAGE} {VERSION} says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
