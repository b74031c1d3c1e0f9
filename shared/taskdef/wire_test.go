package taskdef

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// ecsServer answers DescribeTaskDefinition with a definition in ECS's own JSON.
func ecsServer(t *testing.T, fields, containerFields string) (client *ecs.Client, registered *[]string) {
	t.Helper()
	registered = new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".RegisterTaskDefinition") {
			*registered = append(*registered, string(body))
			_, _ = io.WriteString(w, `{"taskDefinition":{"taskDefinitionArn":"`+arnOf("app", 2)+`","family":"app","revision":2}}`)
			return
		}
		_, _ = io.WriteString(w, `{"taskDefinition":{"taskDefinitionArn":"`+arnOf("app", 1)+`","family":"app","revision":1,"status":"ACTIVE",`+
			`"registeredAt":1772442847.5,"executionRoleArn":"`+roleARN+`",`+fields+
			`"containerDefinitions":[{"name":"web","image":"registry.example.com/app:1","cpu":0,"environment":[]`+containerFields+`}]},"tags":[]}`)
	}))
	t.Cleanup(server.Close)
	return ecs.New(ecs.Options{
		Region: region, BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "SECRET", ""),
	}), registered
}

func TestAFieldThatTheSDKDoesNotKnowIsNotLost(t *testing.T) {
	tests := map[string]struct {
		fields, containerFields string
		unknown                 string
	}{
		"none":                             {},
		"of the definition":                {`"teleport":{"to":"mars"},`, ``, "teleport"},
		"of a container":                   {``, `,"gravity":0.38`, "containerDefinitions[0].gravity"},
		"below a list":                     {``, `,"portMappings":[{"containerPort":80,"lane":"fast"}]`, "containerDefinitions[0].portMappings[0].lane"},
		"a member of a union":              {``, `,"resourceRequirements":[{"type":"GPU","value":"1","sharingStrategy":{"timeSlices":{"n":2}}}]`, "containerDefinitions[0].resourceRequirements[0].sharingStrategy.timeSlices"},
		"two":                              {`"b":1,"a":1,`, ``, "a, b"},
		"holding nothing":                  {`"a":null,"b":false,"c":0,"d":"","e":[],"f":{},"g":{"h":null},`, ``, ""},
		"keys of a map are no one's field": {``, `,"dockerLabels":{"anything":"goes"},"logConfiguration":{"logDriver":"awslogs","options":{"x":"y"}}`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client, registered := ecsServer(t, test.fields, test.containerFields)
			s := newStack(tagged("shop", "registry.example.com"))
			function := assemble(s.settings, Observer{Definitions: client, Secrets: s.list, Named: s.named, Roles: s.roles, Files: s.files, Region: region, Now: time.Now}, Applier{Definitions: client})
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			result := function.Handle(ctx, []byte(`{"taskDefinition":"app"}`)).Report().Results[0]
			if test.unknown == "" {
				wantResult(t, result, finding.Remediated, "credential-missing")
				if len(*registered) != 1 || !strings.Contains((*registered)[0], `"environment":[]`) {
					t.Errorf("registered %v", *registered)
				}
				return
			}
			wantResult(t, result, finding.Noncompliant, "credential-missing", "field-unknown")
			if message := result.Findings[1].Message; !strings.Contains(message, test.unknown) {
				t.Errorf("%q does not name %q", message, test.unknown)
			}
			if len(*registered) != 0 {
				t.Error("it was registered all the same")
			}
		})
	}
}
