"""Texts: no secret stands anywhere, and everything that a person sets or reads is described."""

import re
from pathlib import Path

SECRETS = {
    "a password in a URL": re.compile(r"\w+://[^\s/:@\"]+:(?!\.\.\.@)[^\s/@\"]+@"),
    "the key of an account": re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "a password": re.compile(r"(?i)\b(password|passwd|secret_key|api_key|auth_token)\w*\"?\s*[=:]\s*\"?[^\s\"$]{4,}"),
}
HOLDERS = ("aws_secretsmanager_secret_version.", "data.aws_secretsmanager_secret_version.", "data.aws_ssm_parameter.")


def texts_of(value):
    """All texts within a value, with their names where they have one."""
    if isinstance(value, dict):
        for key, within in value.items():
            yield from (f"{key} = {text}" if isinstance(within, str) else text for text in texts_of(within))
    elif isinstance(value, list):
        for within in value:
            yield from texts_of(within)
    elif isinstance(value, str):
        yield value


def check_secrets(document):
    """Secrets are named and never held: neither in what is deployed nor in the state."""
    for address, values in [*document["resources"].items(), ("output.environment", document["outputs"])]:
        for text in texts_of(values):
            for what, pattern in SECRETS.items():
                if pattern.search(text):
                    yield address, f"it holds {what}: keep it in Secrets Manager, and give its name"
    for address in [*document["resources"], *document["data"]]:
        if address.startswith(HOLDERS):
            yield address, "the state would hold a secret: let the function read it"


def check_sources(document):
    """So do the files themselves, whose variables nobody may have used."""
    folder = Path(document["folder"])
    for path in sorted([*folder.glob("*.tf"), *folder.glob("*.tfvars"), *folder.glob("*.json")]):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for what, pattern in SECRETS.items():
                if pattern.search(line):
                    yield f"{path.name}:{number}", f"it holds {what}: keep it in Secrets Manager, and give its name"


def check_descriptions(document):
    """Each variable and output says in a sentence what it is."""
    for path in sorted(Path(document["folder"]).glob("*.tf")):
        blocks = re.findall(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', path.read_text(), re.MULTILINE | re.DOTALL)
        for kind, name, body in blocks:
            if not re.search(r'^  description\s*=\s*".{10,}"$', body, re.MULTILINE):
                yield f"{kind}.{name}", "it has no description: say in a sentence what it is"
            if kind == "variable" and not re.search(r"^  type\s*=", body, re.MULTILINE):
                yield f"{kind}.{name}", "it has no type"


RULES = [check_secrets, check_sources, check_descriptions]
