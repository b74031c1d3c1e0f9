package sweepreport

import (
	"net/url"
	"strings"
)

// consoleDomains are the AWS console's, by the beginning of a region's name; the
// last one is everybody else's.
var consoleDomains = []struct{ region, domain string }{
	{"cn-", "console.amazonaws.cn"},
	{"us-gov-", "console.amazonaws-us-gov.com"},
	{"eusc-", "console.amazonaws-eusc.eu"},
	{"", "console.aws.amazon.com"},
}

// consoleLink gives the address in the AWS console of what a result is about, ""
// where there is none, or where its partition has none that is public.
func consoleLink(s Summary, result Result) string {
	if !isRegion(s.Region) || strings.Contains(s.Region, "-iso") {
		return ""
	}
	var base string
	for _, known := range consoleDomains {
		if strings.HasPrefix(s.Region, known.region) {
			base = "https://" + s.Region + "." + known.domain
			break
		}
	}
	region := "region=" + s.Region
	subject := result.Subject
	switch result.Kind {
	case "account":
		return base + "/cloudtrailv2/home?" + region + "#/trails"
	case "roles":
		name, ok := strings.CutPrefix(subject, "role/")
		if !ok {
			return ""
		}
		return base + "/iam/home?" + region + "#/roles/details/" + url.PathEscape(name)
	case "config-objects":
		address, ok := strings.CutPrefix(subject, "s3://")
		bucket, key, found := strings.Cut(address, "/")
		if !ok || !found {
			return ""
		}
		version := ""
		if at := strings.LastIndex(key, "?versionId="); at >= 0 {
			version = "&versionId=" + url.QueryEscape(key[at+len("?versionId="):])
			key = key[:at]
		}
		return base + "/s3/object/" + url.PathEscape(bucket) + "?" + region + "&prefix=" + url.QueryEscape(key) + version
	case "task-definitions":
		family, revision, _ := strings.Cut(subject[strings.LastIndexByte(subject, '/')+1:], ":")
		if revision == "" {
			return base + "/ecs/v2/task-definitions/" + url.PathEscape(family) + "?status=ACTIVE&" + region
		}
		return base + "/ecs/v2/task-definitions/" + url.PathEscape(family) + "/" + url.PathEscape(revision) + "/containers?" + region
	case "secrets":
		name := subject
		if _, after, found := strings.Cut(subject, ":secret:"); found {
			// An ARN ends in six characters that are not the name's.
			name = after[:max(len(after)-len("-abcdef"), 0)]
		}
		return base + "/secretsmanager/secret?name=" + url.QueryEscape(name) + "&" + region
	default:
		return ""
	}
}

func isRegion(text string) bool {
	return text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
