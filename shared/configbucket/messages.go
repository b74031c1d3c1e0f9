package configbucket

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// What the findings about a bucket say.
var (
	bucketPublic = finding.Template{Code: CodePublic, Severity: finding.Error,
		Message: "The bucket is public: {reasons}. Treat every password that was in its files as leaked.",
		Fix:     "Turn on all four settings of the bucket's Block Public Access. Then remove the public statement or grant, and change the passwords."}
	bucketShared = finding.Template{Code: CodeShared, Severity: finding.Warning,
		Message: "Other accounts can read the file and the passwords in it: {accounts}.",
		Fix:     "Remove the statement or grant, unless these accounts run instances that boot with the file."}
	bucketNotBlocked = finding.Template{Code: CodeNotBlocked, Severity: finding.Warning,
		Message: "Block Public Access isn't fully enabled on the bucket or the account. One statement or ACL would make the file public.",
		Fix:     "Turn on all four settings of the bucket's Block Public Access."}
	bucketNotEncrypted = finding.Template{Code: CodeNotEncrypted, Severity: finding.Warning,
		Message: "The bucket has no default encryption.",
		Fix:     "Set SSE-S3 or SSE-KMS as the default, and upload the file again."}
	bucketNotVersioned = finding.Template{Code: CodeNotVersioned, Severity: finding.Info,
		Message: "The bucket keeps no versions, so a bad upload destroys the good file.",
		Fix:     "Turn on versioning."}
	bucketPlainHTTP = finding.Template{Code: CodePlainHTTP, Severity: finding.Info,
		Message: "The bucket's policy allows requests without TLS, which show the file to the network.",
		Fix:     `Deny s3:* to everyone if aws:SecureTransport is "false".`}
	bucketACLs = finding.Template{Code: CodeACLs, Severity: finding.Info,
		Message: "ACLs are enabled on the bucket, so anyone who uploads a file can share it.",
		Fix:     "Set the bucket's object ownership to BucketOwnerEnforced."}
	bucketUnchecked = finding.Template{Code: CodeNotExamined, Severity: finding.Warning,
		Message: "Can't check the bucket's configuration. Missing permissions: {missing}.",
		Fix:     "Allow these permissions on the bucket to this function's role."}
	objectPublic = finding.Template{Code: CodeObjectPublic, Severity: finding.Error,
		Message: "The object's ACL gives {permission} to {group}. Treat every password in the file as leaked.",
		Fix:     "Turn on the bucket's Block Public Access, or set its object ownership to BucketOwnerEnforced. Change the passwords that were in the file."}
	objectShared = finding.Template{Code: CodeObjectShared, Severity: finding.Warning,
		Message: "The object's ACL lets other accounts read it: {accounts}.",
		Fix:     "Set the bucket's object ownership to BucketOwnerEnforced, unless these accounts should read it."}
)
