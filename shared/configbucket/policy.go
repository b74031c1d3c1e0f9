package configbucket

import (
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
)

// readers are the actions that give away an object's content.
var readers = []string{"s3:getobject", "s3:getobjectversion"}

// givesContent reports whether a statement speaks of reading objects.
func givesContent(s policydocument.Statement) bool {
	return slices.ContainsFunc(readers, s.CoversAction)
}

// partitions are AWS's, of which each has its own S3.
var partitions = []string{"aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"}

// coversObjects reports whether a statement speaks of every object of the bucket.
func coversObjects(s policydocument.Statement, bucket string) bool {
	return slices.ContainsFunc(partitions, func(partition string) bool {
		// No key can hold a control character that a pattern names by chance.
		return s.CoversResource("arn:" + partition + ":s3:::" + bucket + "/\x01/\x01")
	})
}

// refusesPlainHTTP reports whether a statement denies everybody the objects
// where the request came without TLS ("aws:SecureTransport" in the IAM user
// guide, and S3's own example policies).
func refusesPlainHTTP(s policydocument.Statement, bucket string) bool {
	if s.Effect != "Deny" || !s.Principal.Everybody || !givesContent(s) || !coversObjects(s, bucket) || len(s.Condition) != 1 {
		return false
	}
	for operator, keys := range s.Condition {
		values := s.ConditionOn("aws:SecureTransport")[strings.ToLower(operator)]
		if (strings.EqualFold(operator, "Bool") || strings.EqualFold(operator, "BoolIfExists")) &&
			len(keys) == 1 && len(values) == 1 && strings.EqualFold(values[0], "false") {
			return true
		}
	}
	return false
}

// principalAccount finds the account in an ARN or in a bare account number.
var principalAccount = lazyregexp.New(`^(?:arn:[a-z0-9-]+:(?:iam|sts)::)?(\d{12})(?::.*)?$`)

// refusals and grants of a policy, with regard to the objects of a bucket.
type reading struct {
	// everybody: a statement without any condition gives everybody the content.
	everybody bool
	// organization: everybody of an organization, by condition.
	organization bool
	// accounts that are given the content, each once, in order.
	accounts []string
	tlsOnly  bool
}

// read finds out what a policy says about the objects of a bucket.
func read(document policydocument.Document, bucket string) reading {
	var found reading
	for _, s := range document.Statement {
		found.tlsOnly = found.tlsOnly || refusesPlainHTTP(s, bucket)
		if s.Effect != "Allow" || !givesContent(s) {
			continue
		}
		// "Allow" with NotPrincipal is everybody else, nearly always everybody.
		everybody := s.Principal.Everybody || s.NotPrincipal.Given
		switch {
		case everybody && len(s.Condition) == 0:
			found.everybody = true
		case everybody && len(s.ConditionOn("aws:PrincipalOrgID"))+len(s.ConditionOn("aws:PrincipalOrgPaths")) > 0:
			found.organization = true
		}
		for _, principal := range s.Principal.AWS {
			if match := principalAccount.FindStringSubmatch(principal); match != nil {
				found.accounts = append(found.accounts, match[1])
			}
		}
		found.accounts = append(found.accounts, s.Principal.CanonicalUsers...)
	}
	slices.Sort(found.accounts)
	found.accounts = slices.Compact(found.accounts)
	return found
}

// MayLetRead reports whether a statement of the bucket's policy gives an object
// to a role, or to everybody, be it under a condition. That it lets the account
// in does not count: that leaves it to the role's own policies.
func (p Posture) MayLetRead(roleARN, bucket, key string) bool {
	document, err := policydocument.Parse(p.Policy)
	if err != nil {
		return false
	}
	partition := strings.Split(roleARN+":", ":")[1]
	return slices.ContainsFunc(document.Statement, func(s policydocument.Statement) bool {
		return s.Effect == "Allow" && s.CoversAction("s3:GetObject") && s.CoversResource("arn:"+partition+":s3:::"+bucket+"/"+key) &&
			(s.Principal.Everybody || s.NotPrincipal.Given || slices.Contains(s.Principal.AWS, roleARN))
	})
}
