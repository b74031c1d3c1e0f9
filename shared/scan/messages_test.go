package scan

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

func TestMain(m *testing.M) { findingtest.Main(m, Codes) }

func TestMessages(t *testing.T) { findingtest.Templates(t, Codes) }

func TestEveryCodeIsDocumented(t *testing.T) { findingtest.Sources(t, nil, Codes, nil) }

func TestREADMEListsTheCodes(t *testing.T) {
	findingtest.README(t, "../../functions/sweep/README.md", *update, map[string][]finding.Code{"### About a scan": Codes})
}

// TestLargeBucket lists a bucket without end: its first objects only, unless somebody
// named it.
func TestLargeBucket(t *testing.T) {
	pages := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if pages++; r.URL.Path == "/denied" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprint(w, `<Error><Code>AccessDenied</Code></Error>`)
			return
		}
		_, _ = fmt.Fprintf(w, `<ListBucketResult><IsTruncated>%v</IsTruncated><NextContinuationToken>next</NextContinuationToken></ListBucketResult>`, pages <= 2*maxPages)
	}))
	t.Cleanup(server.Close)
	config := aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")}
	a := &account{buckets: s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })}
	found, err := a.listBucket(t.Context(), "acme-data")
	if err != nil {
		t.Fatal(err)
	}
	findingtest.Saw(found.findings...)
	if pages != maxPages || len(found.findings) != 1 || found.findings[0].Code != codeBucketLarge || !strings.Contains(found.findings[0].Message, "first 20,000 objects of the bucket acme-data") {
		t.Errorf("%d pages, %+v", pages, found.findings)
	}
	for bucket, want := range map[string]int{"acme-data": 0, "denied": 1} {
		pages, a.options.Buckets = 0, []string{bucket}
		found, err := a.listObjects(t.Context())
		findingtest.Saw(found.findings...)
		if err != nil || len(found.findings) != want {
			t.Errorf("%s, which is named: %d pages, %+v, %v", bucket, pages, found.findings, err)
		}
	}
}
