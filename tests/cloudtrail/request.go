package cloudtrail

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

const (
	// hiddenValue stands for the values of containers' environment variables.
	hiddenValue = "HIDDEN_DUE_TO_SECURITY_REASONS"
	// hiddenUserData stands for EC2's user data.
	hiddenUserData = "<sensitiveDataRemoved>"
)

// requestParameters writes a request as CloudTrail records it, or nil where it
// has none.
func requestParameters(exchange awscall.Exchange) any {
	if len(exchange.Parameters) == 0 {
		return nil
	}
	switch exchange.Call.Service {
	case "ec2":
		return ec2Request(exchange.Call.Operation, exchange.Parameters)
	case "ecs":
		return hideEnvironment(exchange.Parameters)
	case "secretsmanager":
		return camelCase(without(exchange.Parameters, "SecretString", "SecretBinary", "RotationToken"))
	}
	return camelCase(exchange.Parameters)
}

func without(parameters map[string]any, names ...string) map[string]any {
	rest := maps.Clone(parameters)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}

// camelCase lowers the first letter of every name, and writes what the query
// protocol can only say in text as the number or boolean it is. A policy
// document stays the text it was.
func camelCase(value any) any {
	switch value := value.(type) {
	case map[string]any:
		lowered := make(map[string]any, len(value))
		for name, child := range value {
			lowered[lowerFirst(name)] = typed(name, camelCase(child))
		}
		return lowered
	case []any:
		list := make([]any, len(value))
		for index, child := range value {
			list[index] = camelCase(child)
		}
		return list
	}
	return value
}

// lowerFirst makes "RoleName" roleName and "ARN" arn.
func lowerFirst(name string) string {
	if strings.IndexFunc(name, unicode.IsLower) < 0 {
		return strings.ToLower(name)
	}
	return strings.ToLower(name[:1]) + name[1:]
}

// numbers are the parameters and response elements that are numbers.
var numbers = []string{
	"MaxSessionDuration", "MaxItems", "AttachmentCount", "PermissionsBoundaryUsageCount",
	"MinCount", "MaxCount", "DeviceIndex", "NetworkCardIndex", "VolumeSize", "Iops", "Throughput",
	"HttpPutResponseHopLimit", "AmiLaunchIndex", "Code", "CoreCount", "ThreadsPerCore",
}

// typed leaves a tag's value and everything that is not text alone.
func typed(name string, value any) any {
	text, ok := value.(string)
	if !ok || strings.EqualFold(name, "Value") {
		return value
	}
	if text == "true" || text == "false" {
		return text == "true"
	}
	if slices.ContainsFunc(numbers, func(known string) bool { return strings.EqualFold(known, name) }) {
		if number, err := strconv.Atoi(text); err == nil {
			return number
		}
	}
	return value
}

// hideEnvironment copies an ECS request or answer, whose names are in camel
// case already, and hides the values of containers' environment variables.
func hideEnvironment(value any) any {
	switch value := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(value))
		for name, child := range value {
			copied[name] = hideEnvironment(child)
			if list, ok := copied[name].([]any); ok && name == "environment" {
				for _, item := range list {
					if variable, ok := item.(map[string]any); ok {
						variable["value"] = hiddenValue
					}
				}
			}
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for index, child := range value {
			copied[index] = hideEnvironment(child)
		}
		return copied
	}
	return value
}

// wrappedOperations are the later ones of EC2: CloudTrail puts the request and
// the answer one level down and keeps the API's own names.
var wrappedOperations = []string{
	"AssociateIamInstanceProfile", "DisassociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation",
	"CreateLaunchTemplate", "CreateLaunchTemplateVersion", "ModifyLaunchTemplate", "DeleteLaunchTemplate",
	"CreateFleet", "DeleteFleets",
}

func ec2Request(operation string, parameters map[string]any) any {
	parameters = without(parameters, "DryRun")
	if slices.Contains(wrappedOperations, operation) {
		return map[string]any{operation + "Request": parameters}
	}
	written := map[string]any{}
	for name, value := range parameters {
		switch name {
		case "InstanceId", "SecurityGroupId", "SecurityGroup", "ResourceId", "BlockDeviceMapping",
			"NetworkInterface", "TagSpecification", "Tag", "ImageId", "MinCount", "MaxCount", "KeyName", "UserData":
		default:
			written[lowerFirst(name)] = typed(name, camelCase(value))
		}
	}
	if operation == "RunInstances" {
		instance := map[string]any{}
		for _, name := range []string{"ImageId", "MinCount", "MaxCount", "KeyName"} {
			if value, ok := parameters[name]; ok {
				instance[lowerFirst(name)] = typed(name, value)
			}
		}
		written["instancesSet"] = items([]any{instance})
		written["blockDeviceMapping"] = map[string]any{}
	}
	if _, ok := parameters["UserData"]; ok {
		written["userData"] = hiddenUserData
	}
	lists := []struct {
		parameter, set string
		// member names the one field of a list of plain text; empty where the
		// items have their own names.
		member string
	}{
		{"InstanceId", "instancesSet", "instanceId"},
		{"ResourceId", "resourcesSet", "resourceId"},
		{"SecurityGroupId", "groupSet", "groupId"},
		{"SecurityGroup", "groupSet", "groupName"},
		{"BlockDeviceMapping", "blockDeviceMapping", ""},
		{"NetworkInterface", "networkInterfaceSet", ""},
		{"Tag", "tagSet", ""},
	}
	for _, list := range lists {
		given, ok := parameters[list.parameter].([]any)
		if !ok {
			if single, ok := parameters[list.parameter]; ok {
				written[lowerFirst(list.parameter)] = single
			}
			continue
		}
		members := make([]any, len(given))
		for index, member := range given {
			if list.member != "" {
				members[index] = map[string]any{list.member: member}
			} else {
				members[index] = camelCase(member)
			}
		}
		written[list.set] = items(members)
	}
	if specifications, ok := parameters["TagSpecification"].([]any); ok {
		members := make([]any, len(specifications))
		for index, specification := range specifications {
			member, _ := camelCase(specification).(map[string]any)
			if member["tag"] != nil {
				member["tags"] = member["tag"]
				delete(member, "tag")
			}
			members[index] = member
		}
		written["tagSpecificationSet"] = items(members)
	}
	return written
}

func items(list []any) map[string]any { return map[string]any{"items": list} }

// decoded reads a JSON answer; numbers stay as they were written.
func decoded(body []byte) map[string]any {
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	var answer map[string]any
	if decoder.Decode(&answer) != nil {
		return nil
	}
	return answer
}
