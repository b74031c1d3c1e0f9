package policysimulation

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// Text tells a context key's value.
func Text(name, value string) types.ContextEntry {
	return entry(name, types.ContextKeyTypeEnumString, value)
}

// Texts tells the values of a context key that can have several.
func Texts(name string, values []string) types.ContextEntry {
	return entry(name, types.ContextKeyTypeEnumStringList, values...)
}

// Truth tells whether what a context key stands for is so.
func Truth(name string, is bool) types.ContextEntry {
	return entry(name, types.ContextKeyTypeEnumBoolean, strconv.FormatBool(is))
}

// Date tells a time, to the second.
func Date(name string, when time.Time) types.ContextEntry {
	return entry(name, types.ContextKeyTypeEnumDate, when.UTC().Format(time.RFC3339))
}

func entry(name string, kind types.ContextKeyTypeEnum, values ...string) types.ContextEntry {
	return types.ContextEntry{ContextKeyName: &name, ContextKeyType: kind, ContextKeyValues: values}
}

// OfRole tells what is known of every call that is made under a role: over TLS,
// in a region, on the account's own resources, and now ("AWS global condition
// context keys" in the IAM user guide). The role's credentials are renewed all the
// time, which is what the console's "revoke active sessions" goes by.
func OfRole(roleARN, account, region string, now time.Time) []types.ContextEntry {
	return []types.ContextEntry{
		Text("aws:PrincipalArn", roleARN),
		Text("aws:PrincipalAccount", account),
		Text("aws:PrincipalType", "AssumedRole"),
		Text("aws:ResourceAccount", account),
		Text("s3:ResourceAccount", account),
		Text("aws:RequestedRegion", region),
		Truth("aws:SecureTransport", true),
		Truth("aws:ViaAWSService", false),
		Truth("aws:PrincipalIsAWSService", false),
		Date("aws:CurrentTime", now),
		Date("aws:TokenIssueTime", now),
	}
}

// OfPrincipal tells what is known of a call that a user or role makes from an
// address. What isn't an IP address, such as the name of a service that calls, is
// left out.
func OfPrincipal(principalARN, address, account, region string, now time.Time) []types.ContextEntry {
	entries := OfRole(principalARN, account, region, now)
	if parts := strings.SplitN(principalARN, ":", 6); len(parts) == 6 && strings.HasPrefix(parts[5], "user/") {
		for i := range entries {
			if *entries[i].ContextKeyName == "aws:PrincipalType" {
				entries[i] = Text("aws:PrincipalType", "User")
			}
		}
		entries = append(entries, Text("aws:username", parts[5][strings.LastIndexByte(parts[5], '/')+1:]))
	}
	if _, err := netip.ParseAddr(address); err == nil {
		entries = append(entries, entry("aws:SourceIp", types.ContextKeyTypeEnumIp, address))
	}
	return entries
}

// OfResource tells the tags of the resource of a call, under the names that they
// have for all services and for the one.
func OfResource(service string, tags map[string]string) []types.ContextEntry {
	var entries []types.ContextEntry
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		entries = append(entries, Text("aws:ResourceTag/"+key, tags[key]), Text(service+":ResourceTag/"+key, tags[key]))
	}
	return entries
}

// OfAttachment tells what IAM knows of a call of AttachRolePolicy ("Actions,
// resources, and condition keys for AWS Identity and Access Management"): the
// policy, and the role's boundary ("" for none) and tags.
func OfAttachment(policy, boundary string, tags map[string]string) []types.ContextEntry {
	entries := append(OfResource("iam", tags), Text("iam:PolicyARN", policy))
	if boundary != "" {
		entries = append(entries, Text("iam:PermissionsBoundary", boundary))
	}
	return entries
}

// ViaService tells that a key is used by way of a service, as in
// "s3.us-east-1.amazonaws.com" ("AWS KMS condition keys", kms:ViaService).
func ViaService(service, region, partition string) types.ContextEntry {
	suffix := "amazonaws.com"
	if partition == "aws-cn" {
		suffix = "amazonaws.com.cn"
	}
	return Text("kms:ViaService", service+"."+region+"."+suffix)
}
