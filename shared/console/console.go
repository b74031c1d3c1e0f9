// Package console gives the addresses of things in the AWS Management Console.
// What comes from outside is escaped for a URL, so that an address leads nowhere
// else.
package console

import (
	"net/url"
	"regexp"
	"strings"
)

// domains are the console's, by the beginning of a region's name; the last one is
// everybody else's.
var domains = []struct{ region, domain string }{
	{"cn-", "console.amazonaws.cn"},
	{"us-gov-", "console.amazonaws-us-gov.com"},
	{"eusc-", "console.amazonaws-eusc.eu"},
	{"", "console.aws.amazon.com"},
}

// Base begins an address, "" where the region's partition has no public console.
func Base(region string) string {
	if !isRegion(region) || strings.Contains(region, "-iso") {
		return ""
	}
	for _, known := range domains {
		if strings.HasPrefix(region, known.region) {
			return "https://" + region + "." + known.domain
		}
	}
	return ""
}

// Trails gives the address of the trails of CloudTrail, Role of an IAM role by its
// name. These and the functions below give "" where there is no address.
func Trails(region string) string {
	return address(region, "/cloudtrailv2/home?region="+region+"#/trails")
}

// Role gives the address of an IAM role.
func Role(region, name string) string {
	if name == "" {
		return ""
	}
	return address(region, "/iam/home?region="+region+"#/roles/details/"+url.PathEscape(name))
}

// Object gives the address of an object that is named as s3://bucket/key, with or
// without ?versionId=.
func Object(region, uri string) string {
	location, ok := strings.CutPrefix(uri, "s3://")
	bucket, key, found := strings.Cut(location, "/")
	if !ok || !found {
		return ""
	}
	version := ""
	if index := strings.LastIndex(key, "?versionId="); index >= 0 {
		version = "&versionId=" + url.QueryEscape(key[index+len("?versionId="):])
		key = key[:index]
	}
	return address(region, "/s3/object/"+url.PathEscape(bucket)+"?region="+region+"&prefix="+url.QueryEscape(key)+version)
}

// TaskDefinition gives the address of a family or revision: an ARN, or its end.
func TaskDefinition(region, name string) string {
	family, revision, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], ":")
	if revision == "" {
		return address(region, "/ecs/v2/task-definitions/"+url.PathEscape(family)+"?status=ACTIVE&region="+region)
	}
	return address(region, "/ecs/v2/task-definitions/"+url.PathEscape(family)+"/"+url.PathEscape(revision)+"/containers?region="+region)
}

// Secret gives the address of a secret by its name or ARN.
func Secret(region, name string) string {
	// A rotation's step is a subject with the step behind the secret's ARN.
	name, _, _ = strings.Cut(name, "#")
	if _, after, found := strings.Cut(name, ":secret:"); found {
		// An ARN ends in six characters that are not the name's.
		name = after[:max(len(after)-len("-abcdef"), 0)]
	}
	return address(region, "/secretsmanager/secret?name="+url.QueryEscape(name)+"&region="+region)
}

var (
	instance = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)
	ecsARN   = regexp.MustCompile(`^arn:[a-z-]+:ecs:([a-z0-9-]+):\d{12}:(service|task)/([A-Za-z0-9_-]+)/([A-Za-z0-9_-]+)$`)
)

// Of gives the address of the subject of a finding by its form, whatever function
// it comes from.
func Of(region, subject string) string {
	switch role, isRole := strings.CutPrefix(subject, "role/"); {
	case isRole:
		return Role(region, role)
	case strings.HasPrefix(subject, "s3://"):
		return Object(region, subject)
	case strings.Contains(subject, ":task-definition/"):
		return TaskDefinition(region, subject)
	case strings.Contains(subject, ":secret:"):
		return Secret(region, subject)
	case instance.MatchString(subject):
		return address(region, "/ec2/home?region="+region+"#InstanceDetails:instanceId="+subject)
	}
	if parts := ecsARN.FindStringSubmatch(subject); parts != nil && parts[1] == region {
		tab := map[string]string{"service": "services/" + parts[4] + "/health", "task": "tasks/" + parts[4] + "/configuration"}[parts[2]]
		return address(region, "/ecs/v2/clusters/"+parts[3]+"/"+tab+"?region="+region)
	}
	return ""
}

func address(region, path string) string {
	if text := Base(region); text != "" {
		return text + path
	}
	return ""
}

func isRegion(text string) bool {
	return text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
