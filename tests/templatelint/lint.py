"""Lints the template as CloudFormation gets it, for sets of parameters.

Reads JSON from standard input: {"template": path, "regions": {name: partition},
"combinations": [{"name": text, "parameters": {name: text}, "regions": [name]}]}.
AWS's SAM translator makes CloudFormation of the template for each combination,
what parameters and conditions decide is resolved, and cfn-lint looks at the result
in all regions at once. In parameters, {partition} and {region} stand for those of
each region.

Writes JSON to standard output: {"templates": how many different ones there were,
"resources": how many of their resources were linted, "conditions": {combination:
{region: {condition: true or false}}}, "findings": [{"combination", "regions",
"rule", "path", "message"}]}.
"""

import copy
import json
import sys

from cfnlint.config import ConfigMixIn
from cfnlint.decode.decode import decode_str
from cfnlint.runner import Runner, run_template_by_data
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ABSENT = {"Ref": "AWS::NoValue"}
PLACES = {"{partition}": "AWS::Partition", "{region}": "AWS::Region"}
ACCOUNT = "123456789012"
STACK = "ecs-guardrails"


class NoManagedPolicies:
    """Stands for IAM's list of AWS's policies, which the template names by ARN."""

    def load(self):
        return {}


class Resolver:
    """Resolves what the parameters decide. What only AWS knows stays as it is."""

    def __init__(self, template, parameters, region, partition):
        here = {"AWS::Partition": partition, "AWS::Region": region, "AWS::AccountId": ACCOUNT, "AWS::StackName": STACK}
        self.conditions = {}
        # Conditions compare what the region is. In resources that stays open, so that
        # regions share them; cfn-lint knows it for each.
        self.pseudo = here
        self.parameters = self.typed(template, {
            name: value.replace("{partition}", partition).replace("{region}", region) for name, value in parameters.items()
        })
        for name, condition in template["Conditions"].items():
            self.conditions[name] = self.value(condition)
        self.pseudo = {}
        self.parameters = self.typed(template, parameters)

    @staticmethod
    def typed(template, parameters):
        values = {}
        for name, declared in template["Parameters"].items():
            value = str(parameters.get(name, declared.get("Default", "")))
            values[name] = value.split(",") if declared["Type"] == "CommaDelimitedList" else value
        return values

    def value(self, node):
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value != ABSENT]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(name, argument)] = node.items()
            if name == "Ref":
                return self.parameters.get(argument, self.pseudo.get(argument, node))
            if name == "Condition" and isinstance(argument, str):
                return self.conditions[argument]
            if name == "Fn::If":
                return self.value(argument[1 if self.conditions[argument[0]] else 2])
            if name == "Fn::Sub":
                return self.substituted(argument)
            if name in self.FUNCTIONS:
                return self.FUNCTIONS[name](self.value(argument), node)
        resolved = {name: self.value(inner) for name, inner in node.items()}
        return {name: value for name, value in resolved.items() if value != ABSENT}

    def substituted(self, argument):
        text, own = (argument, {}) if isinstance(argument, str) else (argument[0], self.value(argument[1]))
        known = {name: value for name, value in {**self.parameters, **self.pseudo, **own}.items() if isinstance(value, str)}
        for name, value in known.items():
            text = text.replace("${" + name + "}", value)
        left = {name: value for name, value in own.items() if name not in known}
        if left:
            return {"Fn::Sub": [text, left]}
        return {"Fn::Sub": text} if "${" in text else text

    @staticmethod
    def joined(arguments, _):
        separator, values = arguments
        if isinstance(values, list) and all(isinstance(value, str) for value in values):
            return separator.join(values)
        return {"Fn::Join": arguments}

    @staticmethod
    def split(arguments, _):
        separator, text = arguments
        if isinstance(text, str):
            return text.split(separator)
        if isinstance(text, dict) and isinstance(text.get("Fn::Sub"), str):
            return [{"Fn::Sub": part} if "${" in part else part for part in text["Fn::Sub"].split(separator)]
        return {"Fn::Split": arguments}

    @staticmethod
    def selected(arguments, _):
        index, values = arguments
        return values[int(index)] if isinstance(values, list) else {"Fn::Select": arguments}

    FUNCTIONS = {
        "Fn::Join": joined, "Fn::Split": split, "Fn::Select": selected,
        "Fn::Equals": lambda values, _: values[0] == values[1],
        "Fn::Not": lambda values, _: not values[0],
        "Fn::And": lambda values, _: all(values),
        "Fn::Or": lambda values, _: any(values),
    }


def rendered(translation, resolver):
    """The template with what there is under the resolver's conditions."""
    template = {"AWSTemplateFormatVersion": "2010-09-09"}
    for section in ("Resources", "Outputs"):
        template[section] = {}
        for name, declared in translation.get(section, {}).items():
            if resolver.conditions.get(declared.get("Condition"), True):
                template[section][name] = placed(resolver.value({key: value for key, value in declared.items() if key != "Condition"}))
    return template


def placed(node):
    """Has CloudFormation fill in the region where a parameter leaves it open."""
    if isinstance(node, str):
        text = node
        for place, pseudo in PLACES.items():
            text = text.replace(place, "${" + pseudo + "}")
        return node if text == node else {"Fn::Sub": text}
    if isinstance(node, list):
        return [placed(value) for value in node]
    if not isinstance(node, dict):
        return node
    resolved = {name: placed(value) for name, value in node.items()}
    inner = resolved.get("Fn::Sub")
    if isinstance(inner, list):
        inner = [inner[0]["Fn::Sub"] if isinstance(inner[0], dict) else inner[0], inner[1]]
        return {"Fn::Sub": inner}
    return inner if isinstance(inner, dict) else resolved


def references(node):
    """The names of resources that a value refers to."""
    if isinstance(node, dict):
        for name, argument in node.items():
            if name == "Ref":
                yield argument
            elif name == "Fn::GetAtt":
                yield argument[0] if isinstance(argument, list) else argument.split(".")[0]
            elif name == "Fn::Sub":
                text = argument if isinstance(argument, str) else argument[0]
                yield from (part.split("}")[0].split(".")[0] for part in text.split("${")[1:])
            yield from references(argument)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


class Linter:
    """cfn-lint, which looks at each resource once: one that is the same as in a
    template before, with the same resources that it refers to, was linted there."""

    def __init__(self):
        self.rules = Runner(ConfigMixIn()).rules
        # What was linted in which region, and which resources of the present template
        # were not.
        self.linted = set()
        self.fresh = set()
        self.count = 0
        # The rule that walks through all resources; nine tenths of the time is spent in
        # what it calls.
        walk = self.rules["E3001"]
        every = walk.validate

        def fresh_only(validator, keywords, resources, schema):
            fresh = {name: resource for name, resource in resources.items() if name in self.fresh}
            self.count += len(fresh)
            yield from every(validator, keywords, type(resources)(fresh, resources.start_mark, resources.end_mark), schema)

        walk.validate = fresh_only

    def lint(self, template, regions):
        self.fresh = set()
        resources = template["Resources"]
        for name, resource in resources.items():
            neighbours = sorted({other for other in references(resource) if other in resources})
            text = json.dumps([name, resource, [[other, resources[other]] for other in neighbours]], sort_keys=True)
            here = {(text, region) for region in regions}
            if not here <= self.linted:
                self.fresh.add(name)
                self.linted |= here
        decoded, faults = decode_str(json.dumps(template))
        return faults or list(run_template_by_data(decoded, ConfigMixIn(regions=regions), self.rules))


def main():
    work = json.load(sys.stdin)
    with open(work["template"], encoding="utf-8") as file:
        template = yaml_parse(file.read())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # As sam package leaves it.
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    linter, conditions, findings, different = Linter(), {}, [], {}
    for combination in work["combinations"]:
        name, parameters = combination["name"], combination["parameters"]
        translation = transform(copy.deepcopy(template), dict(parameters), NoManagedPolicies())
        conditions[name] = {}
        for region in combination["regions"]:
            resolver = Resolver(template, parameters, region, work["regions"][region])
            conditions[name][region] = resolver.conditions
            result = rendered(translation, resolver)
            different.setdefault(json.dumps(result, sort_keys=True), (name, result, set()))[2].add(region)
    for name, result, places in different.values():
        regions = sorted(places)
        for match in linter.lint(result, regions):
            findings.append({
                "combination": name, "regions": regions, "rule": match.rule.id,
                "path": "/".join(map(str, match.path or [])), "message": match.message,
            })
    json.dump({
        "templates": len(different), "resources": linter.count,
        "conditions": conditions, "findings": findings,
    }, sys.stdout)


if __name__ == "__main__":
    main()
