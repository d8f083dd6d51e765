"""Checks answers of the API against its OpenAPI document: the status is one that is documented, the body fits its schema.

A small part of JSON Schema 2020-12, and all that the document uses: an unknown keyword is an error, so that nothing passes unchecked."""

import json
import pathlib
import re

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "src/api/openapi.json"
EVERYWHERE = {"405", "408", "414", "431"}  # of the HTTP server itself, on any path
ANNOTATIONS = {"description", "default", "format", "contentMediaType"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


class Mismatch(AssertionError):
    pass


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


class Document:
    def __init__(self, document=None):
        self.document = document or json.loads(SOURCE.read_text())
        self.templates = []
        for path, item in self.document["paths"].items():
            # A {path} is the rest of it, slashes and all.
            pattern = re.sub(r"\\{path\\}", "(.*)", re.escape(path))
            self.templates.append((re.compile(re.sub(r"\\{[a-z]+\\}", "([^/]*)", pattern)), item))

    def resolve(self, node):
        while "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def check(self, schema, value, place="body"):
        schema = self.resolve(schema)

        def need(condition, what):
            if not condition:
                raise Mismatch(f"{place}: {what}: {json.dumps(value)[:200]}")
        for keyword, wanted in schema.items():
            if keyword in ANNOTATIONS or keyword in ("properties", "additionalProperties"):
                continue
            if keyword == "type":
                names = wanted if isinstance(wanted, list) else [wanted]
                need(any(is_type(value, name) for name in names), f"is no {' or '.join(names)}")
            elif value is None and keyword not in ("enum", "anyOf"):
                continue  # null, where the type allows it
            elif keyword == "enum":
                need(value in wanted, f"is none of {wanted}")
            elif keyword == "pattern":
                need(re.search(wanted, value), f"does not match {wanted}")
            elif keyword in ("minimum", "maximum", "exclusiveMinimum"):
                fits = {"minimum": value >= wanted, "maximum": value <= wanted, "exclusiveMinimum": value > wanted}[keyword]
                need(fits, f"{keyword} is {wanted}")
            elif keyword in ("minItems", "minProperties"):
                need(len(value) >= wanted, f"has less than {wanted}")
            elif keyword == "maxItems":
                need(len(value) <= wanted, f"has more than {wanted}")
            elif keyword == "required":
                missing = [name for name in wanted if name not in value]
                need(not missing, f"lacks {missing}")
            elif keyword == "items":
                for index, item in enumerate(value):
                    self.check(wanted, item, f"{place}[{index}]")
            elif keyword == "anyOf":
                need(any(self.fits(option, value) for option in wanted), "fits none of its schemas")
            else:
                raise AssertionError(f"the document uses {keyword}, which this does not know")
        if isinstance(value, dict):
            self.check_properties(schema, value, place)

    def check_properties(self, schema, value, place):
        known, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        for name, item in value.items():
            if name in known:
                self.check(known[name], item, f"{place}.{name}")
            elif more is False:
                raise Mismatch(f"{place}: {name} is not documented")
            elif isinstance(more, dict):
                self.check(more, item, f"{place}.{name}")

    def fits(self, schema, value):
        try:
            self.check(schema, value)
            return True
        except Mismatch:
            return False

    def check_answer(self, method, target, status, content_type, body):
        path = target.split("?")[0]
        place = f"{method} {path} -> {status}"
        items = [item for pattern, item in self.templates if pattern.fullmatch(path)]
        operation = next((item[method.lower()] for item in items if method.lower() in item), None)
        if operation is None:  # there is no such path, or not with this method: a problem, if not an older refusal
            if str(status) not in EVERYWHERE | {"400", "401", "403", "404"}:
                raise Mismatch(f"{place}: the route is not documented")
            return self.check_problem(place, content_type, body)
        if str(status) in EVERYWHERE:
            return self.check_problem(place, content_type, body)
        answers = operation["responses"]
        if str(status) not in answers and "default" not in answers:
            raise Mismatch(f"{place}: the status is not documented: {body[:200]!r}")
        content = self.resolve(answers.get(str(status), answers.get("default"))).get("content", {})
        kind = (content_type or "").split(";")[0]
        if not body or "*/*" in content:
            return None
        if kind not in content:
            raise Mismatch(f"{place}: {kind} is not documented, but {list(content)}")
        if kind.endswith("json"):
            self.check(content[kind]["schema"], json.loads(body), place)
        return None

    def check_problem(self, place, content_type, body):
        if content_type != "application/problem+json":
            raise Mismatch(f"{place}: {content_type} is no problem")
        self.check({"$ref": "#/components/schemas/Problem"}, json.loads(body), place)
