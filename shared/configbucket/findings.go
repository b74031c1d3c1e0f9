package configbucket

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
)

// Codes of the findings about a bucket.
const (
	CodePublic       = "bucket-public"
	CodeObjectPublic = "object-public"
	CodeShared       = "bucket-shared"
	CodeObjectShared = "object-shared"
	CodeNotBlocked   = "bucket-public-access-unblocked"
	CodeNotEncrypted = "bucket-not-encrypted"
	CodeNotVersioned = "bucket-not-versioned"
	CodePlainHTTP    = "bucket-plain-http"
	CodeACLs         = "bucket-acls-enabled"
	CodeNotExamined  = "bucket-unchecked"
)

// Codes documents them.
var Codes = []finding.Code{
	{Code: CodePublic, Severity: finding.Error, Cause: "The bucket's policy or ACL lets anybody read or write, and no public access block overrules it.", Consequence: "Everyone can read the file and the passwords in it.", Cure: "Turn on all four settings of the bucket's public access block, then take the statement or grant away; change the passwords that were in the file."},
	{Code: CodeObjectPublic, Severity: finding.Error, Cause: "The object's ACL lets anybody read it.", Consequence: "Everyone can read the file and the passwords in it.", Cure: "Turn on the bucket's public access block or set its object ownership to `BucketOwnerEnforced`; change the passwords that were in the file."},
	{Code: CodeShared, Severity: finding.Warning, Cause: "The bucket's policy or ACL lets other accounts read.", Consequence: "Other accounts can read the file and the passwords in it.", Cure: "Take the statement or grant away, unless those accounts run instances that boot with the file."},
	{Code: CodeObjectShared, Severity: finding.Warning, Cause: "The object's ACL lets other accounts read it.", Consequence: "Other accounts can read the file and the passwords in it.", Cure: "Set the bucket's object ownership to `BucketOwnerEnforced`, unless it is meant so."},
	{Code: CodeNotBlocked, Severity: finding.Warning, Cause: "Of the four settings of a public access block, the bucket has not all on, and the account does not make up for it.", Consequence: "One statement or access control list is enough to make the file public.", Cure: "Turn on all four settings."},
	{Code: CodeNotEncrypted, Severity: finding.Warning, Cause: "The bucket has no default encryption.", Consequence: "Copies of the file may be stored unencrypted.", Cure: "Set SSE-S3 or SSE-KMS as default, and upload the file again."},
	{Code: CodeNotVersioned, Severity: finding.Warning, Cause: "The bucket keeps no versions, so a bad upload destroys the good file; a warning where `ON_INVALID=restore` asks for what cannot be done.", Consequence: "A bad upload destroys the last good file.", Cure: "Turn on versioning."},
	{Code: CodePlainHTTP, Severity: finding.Info, Cause: "The bucket's policy does not refuse requests without TLS.", Cure: "Deny `s3:*` to everybody where `aws:SecureTransport` is `false`."},
	{Code: CodeACLs, Severity: finding.Info, Cause: "The bucket's object ownership is not `BucketOwnerEnforced`, so anyone who uploads a file can share it, or own it.", Cure: "Set it to `BucketOwnerEnforced`."},
	{Code: CodeNotExamined, Severity: finding.Warning, Cause: "The function may not see how the bucket stands.", Consequence: "Instances may boot with a bad file, and nothing tells you.", Cure: "Allow the named permissions to the function's role."},
}

// Findings says what is wrong with a bucket that belongs to an account (its
// number, "" where it is not known, and then every account that the policy
// names may be it).
func (p Posture) Findings(account string) []finding.Finding {
	var findings []finding.Finding
	add := func(f finding.Finding) { findings = append(findings, f) }
	read := p.readPolicy()

	if public := p.public(read); len(public) > 0 {
		add(bucketPublic.With(finding.Words("reasons", strings.Join(public, ", and "))))
	}
	if others := p.others(read, account); len(others) > 0 {
		add(bucketShared.With(finding.Names("accounts", others)))
	}
	if p.knows("s3:GetBucketPublicAccessBlock") && !p.Blocked() {
		add(bucketNotBlocked.With())
	}
	if p.knows("s3:GetEncryptionConfiguration") && !p.Encrypted {
		add(bucketNotEncrypted.With())
	}
	if p.knows("s3:GetBucketVersioning") && !p.Versioned {
		add(bucketNotVersioned.With())
	}
	if p.knows("s3:GetBucketPolicy") && !read.tlsOnly {
		add(bucketPlainHTTP.With())
	}
	if p.knows("s3:GetBucketOwnershipControls") && !p.ACLsDisabled {
		add(bucketACLs.With())
	}
	if len(p.Denied) > 0 {
		add(bucketUnchecked.With(finding.Words("missing", strings.Join(p.Denied, ", "))))
	}
	return findings
}

// readPolicy gives an empty reading for a policy that can't be parsed: S3 checks policies when they are stored.
func (p Posture) readPolicy() reading {
	if p.Policy == "" {
		return reading{}
	}
	document, err := policydocument.Parse(p.Policy)
	if err != nil {
		return reading{}
	}
	return read(document, p.Bucket)
}

// public lists what gives everybody access and is not overruled by the block.
func (p Posture) public(read reading) (by []string) {
	if (p.PolicyPublic || read.everybody) && !aws.ToBool(p.Block.RestrictPublicBuckets) {
		by = append(by, "its policy is public")
	}
	if p.ACLsCount() {
		for _, grant := range p.Grants {
			if grant.Grantee != nil && isEverybody(grant) {
				by = append(by, fmt.Sprintf("its ACL gives %s to %s", grant.Permission, groupName(aws.ToString(grant.Grantee.URI))))
			}
		}
	}
	return by
}

// others lists who else, by name, can read.
func (p Posture) others(read reading, account string) (others []string) {
	if account != "" {
		for _, other := range read.accounts {
			if other != account && other != p.Owner {
				others = append(others, other)
			}
		}
	}
	if read.organization {
		others = append(others, "every account of an organization")
	}
	if !p.ACLsDisabled {
		others = append(others, strangers(p.Grants, p.Owner)...)
	}
	return others
}

// Blocked reports whether all four settings of the public access block are on.
func (p Posture) Blocked() bool {
	return !slices.ContainsFunc([]*bool{
		p.Block.BlockPublicAcls, p.Block.BlockPublicPolicy, p.Block.IgnorePublicAcls, p.Block.RestrictPublicBuckets,
	}, func(setting *bool) bool { return !aws.ToBool(setting) })
}

// ObjectFindings judges the ACL of an object: its owner's and the bucket
// owner's grants are no news.
func (p Posture) ObjectFindings(owner string, grants []types.Grant) []finding.Finding {
	var findings []finding.Finding
	for _, grant := range grants {
		if grant.Grantee != nil && isEverybody(grant) && readable(grant) {
			findings = append(findings, objectPublic.With(finding.Name("permission", string(grant.Permission)), finding.Name("group", groupName(aws.ToString(grant.Grantee.URI)))))
		}
	}
	if others := strangers(slices.DeleteFunc(slices.Clone(grants), func(grant types.Grant) bool { return !readable(grant) }), owner, p.Owner); len(others) > 0 {
		findings = append(findings, objectShared.With(finding.Names("accounts", others)))
	}
	return findings
}

// isEverybody knows S3's two groups of strangers ("Access control list
// overview" in its user guide). Everyone with an AWS account counts as everyone.
func isEverybody(grant types.Grant) bool {
	group := groupName(aws.ToString(grant.Grantee.URI))
	return group == "AllUsers" || group == "AuthenticatedUsers"
}

func readable(grant types.Grant) bool {
	return grant.Permission == types.PermissionRead || grant.Permission == types.PermissionFullControl
}

// strangers are grantees other than the owners, and than S3's groups.
func strangers(grants []types.Grant, owners ...string) (strangers []string) {
	for _, grant := range grants {
		if grant.Grantee == nil {
			continue
		}
		id := aws.ToString(grant.Grantee.ID)
		if id != "" && !slices.Contains(owners, id) && !slices.Contains(strangers, id) {
			strangers = append(strangers, id)
		}
	}
	return strangers
}
