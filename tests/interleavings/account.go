package interleavings

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
)

// Where the account is.
const (
	accountNumber = "123456789012"
	region        = "us-east-1"
)

// registryService is the service of calls to registries.
const registryService = "registry"

// Account is an AWS account in memory, with the registries that it pulls from.
// Calls are carried out one at a time.
type Account struct {
	// services answer calls: each has methods that are called as the SDK's
	// operations are, with the same inputs and outputs.
	services map[string]any
	// Network has the registries.
	Network *registrytest.Network

	iam     *identities
	secrets *secrets
	objects *objects
	ecs     *containers
	queues  *queues
	// tokens are those of the registry whose secret rotates.
	tokens *registrytest.Tokens
}

func newAccount() *Account {
	account := &Account{
		Network: &registrytest.Network{Hosts: map[string]http.Handler{}},
		iam:     newIdentities(), secrets: &secrets{}, objects: &objects{}, ecs: &containers{}, queues: &queues{},
	}
	account.services = map[string]any{
		"iam": account.iam, "secretsmanager": account.secrets, "s3": account.objects, "ecs": account.ecs, "sqs": account.queues,
		"sts": caller{}, "s3control": publicAccess{}, "ssm": &commands{},
	}
	return account
}

// Clients are what the function of one delivery calls AWS and registries with.
type Clients struct {
	// AWS is what the SDK's clients are made from.
	AWS aws.Config
	// Registries is the transport of registries' clients.
	Registries http.RoundTripper

	account  *Account
	gate     *gate
	delivery int
}

// clients gives those of a delivery, behind a gate.
func (a *Account) clients(delivery int, gate *gate) *Clients {
	clients := &Clients{account: a, gate: gate, delivery: delivery}
	clients.Registries = network{clients}
	clients.AWS = aws.Config{
		Region: region, RetryMaxAttempts: 1,
		APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("InMemory", clients.answer), middleware.Before)
		}},
	}
	return clients
}

// reading begins the names of operations that change nothing.
var reading = regexp.MustCompile(`^(Get|List|Describe|Head|Simulate)`)

// answer takes the place of the SDK's way over the network.
func (c *Clients) answer(ctx context.Context, input middleware.InitializeInput, _ middleware.InitializeHandler) (output middleware.InitializeOutput, metadata middleware.Metadata, err error) {
	of := reflect.TypeOf(input.Parameters).Elem()
	service, operation := path.Base(of.PkgPath()), strings.TrimSuffix(of.Name(), "Input")
	call := Call{Delivery: c.delivery, Operation: service + ":" + operation, Resource: resourceOf(service, input.Parameters), Writes: !reading.MatchString(operation)}
	if !call.Writes {
		call.detail = short(input.Parameters)
	}
	c.gate.pass(call)
	method := reflect.ValueOf(c.account.services[service])
	if method.IsValid() {
		method = method.MethodByName(operation)
	}
	if !method.IsValid() {
		panic("interleavings: the account in memory has no " + service + ":" + operation)
	}
	results := method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(input.Parameters)})
	if failure, failed := results[1].Interface().(error); failed {
		return output, metadata, failure
	}
	output.Result = results[0].Interface()
	return output, metadata, nil
}

// aspects are the parts of a role that operations read or change.
var aspects = map[string]string{
	"GetRole": "tags", "TagRole": "tags", "UntagRole": "tags",
	"ListAttachedRolePolicies": "attachments", "SimulatePrincipalPolicy": "attachments", "AttachRolePolicy": "attachments", "DetachRolePolicy": "attachments",
	"ListRolePolicies": "inline policies", "GetRolePolicy": "inline policies", "ListInstanceProfilesForRole": "profiles",
}

// resourceOf names what a call concerns, "" for what isn't known of one thing.
func resourceOf(service string, parameters any) string {
	field := func(names ...string) string {
		var values []string
		for _, name := range names {
			value := reflect.ValueOf(parameters).Elem().FieldByName(name)
			if !value.IsValid() || value.IsNil() {
				return ""
			}
			values = append(values, value.Elem().String())
		}
		return strings.Join(values, "/")
	}
	switch service {
	case "iam":
		name := field("RoleName")
		if source := field("PolicySourceArn"); source != "" {
			name = source[strings.LastIndexByte(source, '/')+1:]
		}
		aspect := aspects[strings.TrimSuffix(reflect.TypeOf(parameters).Elem().Name(), "Input")]
		if name == "" || aspect == "" {
			return ""
		}
		return name + " " + aspect
	case "s3":
		return field("Bucket", "Key")
	case "secretsmanager":
		return field("SecretId")
	case "sqs":
		return field("QueueUrl")
	}
	return ""
}

// network takes a delivery's calls of registries.
type network struct{ *Clients }

// credentialPart is what differs between the paths of two credentials.
var credentialPart = regexp.MustCompile(`\d{2,}|[0-9A-Za-z]{24,}`)

// RoundTrip implements http.RoundTripper.
func (n network) RoundTrip(request *http.Request) (*http.Response, error) {
	reads := slices.Contains([]string{http.MethodGet, http.MethodHead}, request.Method)
	n.gate.pass(Call{
		Delivery: n.delivery, Operation: registryService + ":" + request.Method + " " + credentialPart.ReplaceAllString(request.URL.Path, "#"), Writes: !reads,
		detail: short([]string{request.URL.RawQuery, request.Header.Get("Authorization")}),
	})
	return n.account.Network.RoundTrip(request)
}

// short is a text for a value, the same for equal ones.
func short(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:4])
}

// refusal is an error of a service.
func refusal(code, format string, arguments ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, arguments...), Fault: smithy.FaultClient}
}
