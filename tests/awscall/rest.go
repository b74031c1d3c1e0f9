package awscall

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// lambdaPaths are the operations of Lambda that the stack, SAM and the rig
// use (Lambda API reference, "Actions").
var lambdaPaths = []struct {
	method, operation string
	path              *regexp.Regexp
}{
	{"POST", "Invoke", regexp.MustCompile(`^/2015-03-31/functions/([^/]+)/invocations$`)},
	{"POST", "CreateFunction", regexp.MustCompile(`^/2015-03-31/functions/?$`)},
	{"GET", "ListFunctions", regexp.MustCompile(`^/2015-03-31/functions/?$`)},
	{"GET", "GetFunction", regexp.MustCompile(`^/2015-03-31/functions/([^/]+)$`)},
	{"DELETE", "DeleteFunction", regexp.MustCompile(`^/2015-03-31/functions/([^/]+)$`)},
	{"GET", "GetFunctionConfiguration", regexp.MustCompile(`^/2015-03-31/functions/([^/]+)/configuration$`)},
	{"PUT", "UpdateFunctionConfiguration", regexp.MustCompile(`^/2015-03-31/functions/([^/]+)/configuration$`)},
	{"PUT", "UpdateFunctionCode", regexp.MustCompile(`^/2015-03-31/functions/([^/]+)/code$`)},
	{"GET", "GetPolicy", regexp.MustCompile(`^/2015-03-31/functions/([^/]+)/policy$`)},
	{"POST", "AddPermission", regexp.MustCompile(`^/2015-03-31/functions/([^/]+)/policy$`)},
}

func lambdaOperation(request *http.Request) (string, map[string]any) {
	for _, known := range lambdaPaths {
		match := known.path.FindStringSubmatch(request.URL.Path)
		if match == nil || known.method != request.Method {
			continue
		}
		parameters := map[string]any{}
		if len(match) > 1 {
			parameters["FunctionName"] = match[1]
		}
		if kind := request.Header.Get("X-Amz-Invocation-Type"); kind != "" {
			parameters["InvocationType"] = kind
		}
		return known.operation, parameters
	}
	return "", nil
}

// schedulerOperation reads what is asked about schedules (EventBridge Scheduler
// API Reference, "Actions").
func schedulerOperation(request *http.Request) (string, map[string]any) {
	rest, found := strings.CutPrefix(request.URL.Path, "/schedules")
	if !found {
		return "", nil
	}
	name := strings.Trim(rest, "/")
	if name == "" {
		return map[string]string{"GET": "ListSchedules"}[request.Method], nil
	}
	group := firstNonEmpty(request.URL.Query().Get("groupName"), "default")
	return map[string]string{"GET": "GetSchedule", "POST": "CreateSchedule", "PUT": "UpdateSchedule", "DELETE": "DeleteSchedule"}[request.Method],
		map[string]any{"Name": name, "GroupName": group}
}

// securityHubOperation reads what is asked of Security Hub (Security Hub API
// Reference, "Actions").
func securityHubOperation(request *http.Request) string {
	return map[string]string{"POST /findings/import": "BatchImportFindings", "POST /findings": "GetFindings"}[request.Method+" "+request.URL.Path]
}

// s3Subresources name an S3 operation by the key in its query string; the
// operation is the method's verb and the noun: GET ?tagging is
// GetBucketTagging or GetObjectTagging (S3 API reference, "Actions").
var s3Subresources = []struct{ query, bucketNoun, objectNoun string }{
	{"accelerate", "BucketAccelerateConfiguration", ""},
	{"acl", "BucketAcl", "ObjectAcl"},
	{"analytics", "BucketAnalyticsConfiguration", ""},
	{"attributes", "", "ObjectAttributes"},
	{"cors", "BucketCors", ""},
	{"encryption", "BucketEncryption", ""},
	{"intelligent-tiering", "BucketIntelligentTieringConfiguration", ""},
	{"inventory", "BucketInventoryConfiguration", ""},
	{"legal-hold", "", "ObjectLegalHold"},
	{"lifecycle", "BucketLifecycleConfiguration", ""},
	{"location", "BucketLocation", ""},
	{"logging", "BucketLogging", ""},
	{"metrics", "BucketMetricsConfiguration", ""},
	{"notification", "BucketNotificationConfiguration", ""},
	{"object-lock", "ObjectLockConfiguration", ""},
	{"ownershipControls", "BucketOwnershipControls", ""},
	{"policyStatus", "BucketPolicyStatus", ""},
	{"policy", "BucketPolicy", ""},
	{"publicAccessBlock", "PublicAccessBlock", ""},
	{"replication", "BucketReplication", ""},
	{"requestPayment", "BucketRequestPayment", ""},
	{"retention", "", "ObjectRetention"},
	{"tagging", "BucketTagging", "ObjectTagging"},
	{"versioning", "BucketVersioning", ""},
	{"website", "BucketWebsite", ""},
}

// s3Operation reads a path-style request; SDKs use that style for every
// endpoint that is an IP address.
func s3Operation(request *http.Request) (string, map[string]any) {
	// S3 Control's, which is signed as S3's are, under the name of its IAM action.
	if request.Method == http.MethodGet && request.URL.Path == "/v20180820/configuration/publicAccessBlock" {
		return "GetAccountPublicAccessBlock", map[string]any{"AccountId": request.Header.Get("X-Amz-Account-Id")}
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
	query := request.URL.Query()
	parameters := map[string]any{}
	if bucket != "" {
		parameters["Bucket"] = bucket
	}
	if key != "" {
		parameters["Key"] = key
	}
	for _, name := range []string{"versionId", "prefix", "uploadId"} {
		if query.Has(name) {
			parameters[strings.ToUpper(name[:1])+name[1:]] = query.Get(name)
		}
	}
	for header, name := range map[string]string{
		"If-Match": "IfMatch", "If-None-Match": "IfNoneMatch",
		"X-Amz-Copy-Source": "CopySource", "X-Amz-Tagging": "Tagging",
		"X-Amz-Acl": "ACL", "X-Amz-Server-Side-Encryption": "ServerSideEncryption",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "SSEKMSKeyId",
		"X-Amz-Expected-Bucket-Owner":                 "ExpectedBucketOwner",
	} {
		if value := request.Header.Get(header); value != "" {
			parameters[name] = value
		}
	}
	return s3OperationName(request.Method, bucket, key, query, request.Header), parameters
}

func s3OperationName(method, bucket, key string, query url.Values, header http.Header) string {
	verb := map[string]string{"GET": "Get", "PUT": "Put", "DELETE": "Delete"}[method]
	for _, sub := range s3Subresources {
		noun := sub.bucketNoun
		if key != "" {
			noun = sub.objectNoun
		}
		if query.Has(sub.query) && noun != "" && verb != "" {
			return verb + noun
		}
	}
	switch {
	case bucket == "" && method == "GET":
		return "ListBuckets"
	case key == "" && query.Has("versions"):
		return "ListObjectVersions"
	case key == "" && query.Has("uploads"):
		return "ListMultipartUploads"
	case key == "" && query.Has("delete") && method == "POST":
		return "DeleteObjects"
	case key == "" && method == "GET" && query.Get("list-type") == "2":
		return "ListObjectsV2"
	case key == "":
		return map[string]string{"GET": "ListObjects", "HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}[method]
	case method == "POST" && query.Has("uploads"):
		return "CreateMultipartUpload"
	case method == "POST" && query.Has("uploadId"):
		return "CompleteMultipartUpload"
	case method == "PUT" && query.Has("partNumber"):
		return "UploadPart"
	case method == "PUT" && header.Get("X-Amz-Copy-Source") != "":
		return "CopyObject"
	case method == "DELETE" && query.Has("uploadId"):
		return "AbortMultipartUpload"
	}
	return map[string]string{"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[method]
}
