// Package optout knows the roles that no function changes whatever they lack:
// those whose owner said so by a tag, and those that AWS looks after.
package optout

import (
	"slices"
	"strings"
)

// Tag is the role tag by which an owner opts out.
const Tag = "ecs-guardrails:ignore"

// Asked reports whether a role's tags opt out. Every value of the tag but a
// clear no counts as a yes: anyone who wrote it wanted to be left alone. Keys of
// tags are the same to IAM in whatever letters ("Rules for tagging in IAM and
// AWS STS").
func Asked(tags map[string]string) bool {
	for key, value := range tags {
		if strings.EqualFold(key, Tag) {
			return !slices.Contains([]string{"false", "no", "off", "0"}, strings.ToLower(strings.TrimSpace(value)))
		}
	}
	return false
}

// ServiceLinked reports whether a role belongs to an AWS service ("Using
// service-linked roles", IAM user guide). An empty path or name is an unknown one.
func ServiceLinked(path, name string) bool {
	return strings.HasPrefix(path, "/aws-service-role/") || strings.HasPrefix(name, "AWSServiceRoleFor")
}

// IdentityCenter reports whether a role belongs to IAM Identity Center, which
// undoes changes to it ("Referencing permission sets in resource policies", IAM
// Identity Center user guide).
func IdentityCenter(path, name string) bool {
	return strings.HasPrefix(path, "/aws-reserved/") || strings.HasPrefix(name, "AWSReservedSSO_")
}
