package scan

import (
	"encoding/json"
	"slices"
	"strings"
)

// prefixes are the IAM prefixes of the services (service authorization
// reference), by the SDK's ids.
var prefixes = map[string]string{
	"CloudTrail": "cloudtrail", "EC2": "ec2", "ECS": "ecs", "EventBridge": "events", "IAM": "iam", "S3": "s3", "S3 Control": "s3",
	"Scheduler": "scheduler", "Secrets Manager": "secretsmanager", "STS": "sts",
}

// actions are the IAM actions of operations that are not named like theirs
// (service authorization reference, Amazon S3).
var actions = map[string]string{
	"S3:HeadObject": "s3:GetObject", "S3:ListObjectsV2": "s3:ListBucket", "S3:ListObjectVersions": "s3:ListBucketVersions", "S3:ListBuckets": "s3:ListAllMyBuckets",
	"S3:GetBucketNotificationConfiguration": "s3:GetBucketNotification", "S3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
	"S3:GetBucketEncryption": "s3:GetEncryptionConfiguration", "S3 Control:GetPublicAccessBlock": "s3:GetAccountPublicAccessBlock",
}

// Policy gives an identity policy that allows what a scan may send, and nothing
// else: a JSON document, indented.
func Policy() string {
	var allowed []string
	for service, operations := range Operations {
		for _, operation := range operations {
			action, differs := actions[service+":"+operation]
			if !differs {
				action = prefixes[service] + ":" + operation
			}
			allowed = append(allowed, action)
		}
	}
	slices.Sort(allowed)
	document, _ := json.MarshalIndent(map[string]any{
		"Version":   "2012-10-17",
		"Statement": []any{map[string]any{"Sid": "EcsGuardrailsScan", "Effect": "Allow", "Action": slices.Compact(allowed), "Resource": "*"}},
	}, "", "  ")
	return strings.TrimSpace(string(document))
}
