package endtoend

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/tests/containerinstance"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

const failedCluster = "storefront"

// failures plays tasks and instances that fail, on the one stack.
type failures struct {
	*world
	// before makes what was there before the stack: no event reports it, so that
	// nothing but the diagnosis leads to a cure.
	before *operator.Operator
}

// define registers a family with one container that logs.
func (f failures) define(t *testing.T, family, executionRole, image, credential string) string {
	t.Helper()
	container := types.ContainerDefinition{
		Name: aws.String("app"), Image: &image, Memory: aws.Int32(128), Essential: aws.Bool(true),
		LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "/ecs/" + family, "awslogs-region": stack.Region}},
	}
	if credential != "" {
		container.RepositoryCredentials = &types.RepositoryCredentials{CredentialsParameter: &credential}
	}
	output := must(f.before.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: &family, ExecutionRoleArn: &executionRole, RequiresCompatibilities: []types.Compatibility{types.CompatibilityEc2},
		ContainerDefinitions: []types.ContainerDefinition{container},
	}))(t)
	return aws.ToString(output.TaskDefinition.TaskDefinitionArn)
}

// undefined names a definition that the diagnosis doesn't need.
func undefined(family string) string { return arn("ecs", "task-definition/"+family+":1") }

// failed is a task of a service of the definition's, which a test completes.
func failed(service, definition string) operator.Task {
	number := 0
	for _, r := range service {
		number = number*31%100_000_007 + int(r)
	}
	return operator.Task{Cluster: failedCluster, Service: service, Definition: definition, Number: number, Container: "app"}
}

func (f failures) happen(t *testing.T, tasks ...operator.Task) {
	t.Helper()
	if err := f.TaskEvents(t.Context(), tasks...); err != nil {
		t.Fatal(err)
	}
}

// followUp sends the function what its schedule does.
func (f failures) followUp(t *testing.T) {
	t.Helper()
	event := must(os.ReadFile(filepath.Join(f.checkout, "events", "diagnose-scheduled.json")))(t)
	must(f.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(f.Stack.Outputs["DiagnoseFailureQueue"]), MessageBody: aws.String(string(event))}))(t)
}

func ofFailure(name string) func(operator.Result) bool {
	return func(result operator.Result) bool {
		return result.Function == "diagnose-failure" && result.Subject == failedCluster+"/"+name
	}
}

// diagnosed waits for the message about a failure.
func (f failures) diagnosed(t *testing.T, name, code, message string) operator.Result {
	t.Helper()
	told := f.published(t, "the diagnosis of "+name, ofFailure(name))
	if told.Findings[0].Code != code || !strings.Contains(told.Findings[0].Message, message) {
		t.Errorf("%s: told %s: %s\nwant %s: %s", name, told.Findings[0].Code, told.Findings[0].Message, code, message)
	}
	return told
}

// untouched checks that a message asked no function.
func untouched(t *testing.T, told operator.Result) {
	t.Helper()
	if len(told.Actions) > 0 {
		t.Errorf("%s: %+v", told.Subject, told.Actions)
	}
}

// mayRead waits until a secret's own policy names a role.
func (f failures) mayRead(t *testing.T, role, secret string) {
	t.Helper()
	eventually(t, role+" may read the secret", func(ctx context.Context) (bool, error) {
		output, err := f.Secrets.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &secret})
		return err == nil && strings.Contains(aws.ToString(output.ResourcePolicy), `"`+role+`"`), err
	})
}

// partSecret is a secret for a part of the registry, which no function rotates.
func (f failures) partSecret(t *testing.T, part string) string {
	t.Helper()
	value := must(json.Marshal(map[string]string{"username": f.Stack.Registry.Username, "password": f.Stack.Registry.Password}))(t)
	return must(f.CreateSecret(t.Context(), "diagnosed/"+part, string(value), "ecs-guardrails:registry", f.Stack.Registry.Host+"/"+part))(t)
}

// secretDenied is what ECS says where an execution role may not read a secret.
func secretDenied(role, session, secret string) string {
	return "Asm fetching secret from the service for " + secret + ": operation error Secrets Manager: GetSecretValue, https response error StatusCode: 400, RequestID: 0, api error AccessDeniedException: User: arn:aws:sts::" + stack.Account +
		":assumed-role/" + role + "/" + session + " is not authorized to perform: secretsmanager:GetSecretValue on resource: " + secret + " because no identity-based policy allows the secretsmanager:GetSecretValue action"
}

func testDiagnoseFailure(t *testing.T, w *world) {
	f := failures{w, operator.With(w.Stack, w.Stack.Behind)}
	for name, test := range map[string]func(*testing.T, failures){
		"missing credential":                    testMissingCredential,
		"refused credential":                    testRefusedCredential,
		"execution role without the right":      testExecutionRoleDenied,
		"absent secret":                         testAbsentSecret,
		"environment file absent or forbidden":  testEnvironmentFile,
		"log group denied to the instance role": testLogGroupDenied,
		"refused registration":                  testRefusedRegistration,
		"wrong cluster name":                    testWrongCluster,
		"instances that never joined":           testNeverJoined,
		"image absent, and network":             testNotOurs,
		"application exits are left alone":      testApplicationExit,
		"500 failures":                          testManyFailures,
		"by hand":                               testDiagnosesByHand,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, f)
		})
	}
}

func testMissingCredential(t *testing.T, f failures) {
	image := f.Stack.Registry.Host + "/acme/app:1.0"
	task := failed("unnamed", f.define(t, "unnamed-credential", f.executionRole, image, ""))
	task.Image, task.Reason = image, `CannotPullContainerError: Error response from daemon: Head "https://`+f.Stack.Registry.Host+`/v2/acme/app/manifests/1.0": no basic auth credentials`
	f.happen(t, task)
	f.diagnosed(t, "unnamed", "registry-no-credential", "it is private, and the task definition names no credential. patch-task-definition is looking")
	var revisions []string
	eventually(t, "the definition has its credential", func(ctx context.Context) (bool, error) {
		var err error
		revisions, err = f.Revisions(ctx, "unnamed-credential")
		return len(revisions) == 2, err
	})
	after, _, err := f.Describe(t.Context(), revisions[1])
	if err != nil || after.ContainerDefinitions[0].RepositoryCredentials == nil || aws.ToString(after.ContainerDefinitions[0].RepositoryCredentials.CredentialsParameter) != f.registrySecret {
		t.Errorf("the new revision has %+v, %v", after.ContainerDefinitions[0].RepositoryCredentials, err)
	}
	// A task of the new revision runs: the failure is over, and people hear of it.
	must(f.ECS.RunTask(t.Context(), &ecs.RunTaskInput{Cluster: aws.String(failedCluster), TaskDefinition: &revisions[1]}))(t)
	f.followUp(t)
	told := f.published(t, "the end of the failure", func(result operator.Result) bool {
		return ofFailure("unnamed")(result) && slices.Contains(result.Codes(), "failure-over")
	})
	if !strings.Contains(told.Findings[0].Message, "Resolved: unnamed (storefront) works again: a task of unnamed-credential:2 has run since") || !slices.Contains(told.Applied(), "DeleteObject") {
		t.Errorf("told %+v", told.Result)
	}
}

// testRefusedCredential plays a token that was revoked in the registry: the task
// that runs from the cache tells, and the rotation ends it.
func testRefusedCredential(t *testing.T, f failures) {
	words := rand.Text()
	f.canaries.Plant("tokens of the diagnosed GitLab", words)
	gitlab := &registrytest.GitLab{Tokens: registrytest.Tokens{Canary: words}, Admin: words + "-admin", Owner: "groups/acme", Access: true, Now: time.Now}
	gitlab.Add(registrytest.Token{ID: "9000", Name: "by hand", Username: "ecs", Secret: words})
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	// It stays up until the end of the run, in which sweep looks at the secret, too.
	host := strings.TrimPrefix(server.URL, "http://")
	mux.Handle("/api/v4/", gitlab)
	mux.Handle("/", &registrytest.Distribution{
		Accepts: gitlab.Accepts, Images: map[string]bool{"acme/app:1": true}, Realm: server.URL + "/jwt/auth", Service: "container_registry", Canary: words,
	})
	must(f.CreateSecret(t.Context(), "ecs-guardrails/admin/diagnosed", `{"url":"`+server.URL+`","token":"`+words+`-admin","secrets":["diagnosed/gitlab"]}`))(t)
	secret := must(f.CreateSecret(t.Context(), "diagnosed/gitlab", `{"username":"ecs","password":"`+words+`"}`,
		"ecs-guardrails:registry", host, "ecs-guardrails:driver", "gitlab", "ecs-guardrails:test-image", host+"/acme/app:1",
		"ecs-guardrails:gitlab", "groups/acme", "ecs-guardrails:gitlab-token", "access", "ecs-guardrails:admin-secret", "ecs-guardrails/admin/diagnosed"))(t)
	// Rotation is set up, tested, and due in a month.
	if err := f.TurnRotationOn(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if tested := f.asked(t, secret); tested.Err != nil {
		t.Fatal(tested.Err)
	}
	image := host + "/acme/app:1"
	definition := f.define(t, "revoked", f.executionRole, image, secret)

	gitlab.Revoke("9000")
	running := failed("revoked", definition)
	running.Status, running.Image = "RUNNING", image
	running.Reason = `CannotPullContainerError: Error response from daemon: Get "https://` + host + `/v2/acme/app/manifests/1": unauthorized: HTTP Basic: Access denied`
	stopped := running
	stopped.Status, stopped.Number = "", running.Number+1
	f.happen(t, running)
	told := f.diagnosed(t, "revoked", "registry-wrong-credential", "revoked (storefront) runs on a cached image, because "+host+"/acme/app can't be pulled: the registry refused the credential in the secret diagnosed/gitlab. rotate-secret is renewing the secret.")
	if told.Findings[0].Severity != finding.Warning {
		t.Errorf("told %+v", told.Findings[0])
	}
	// A task that stops for it is the same failure.
	f.happen(t, stopped)
	f.logged(t, "diagnose-failure", "the second task", func(result operator.Result) bool {
		return ofFailure("revoked")(result) && slices.Contains(result.Codes(), "failure-known")
	})
	eventually(t, "the secret has a credential that the registry takes", func(ctx context.Context) (bool, error) {
		current, err := f.Credential(ctx, secret, "AWSCURRENT")
		return err == nil && gitlab.Accepts(current.Username, current.Password.Reveal()), err
	})
	f.canaries.Plant("the renewed password", must(f.Credential(t.Context(), secret, "AWSCURRENT"))(t).Password.Reveal())
	if renewed := f.asked(t, secret); renewed.Err != nil {
		t.Error(renewed.Err)
	}
}

func testExecutionRoleDenied(t *testing.T, f failures) {
	const name = "ecsTaskExecutionRole-poor"
	role := must(f.before.CreateRole(t.Context(), name, "ecs-tasks.amazonaws.com"))(t)
	secret := f.partSecret(t, "poor")
	task := failed("poor", f.define(t, "poor-role", role, f.Stack.Registry.Host+"/poor/app:1.0", secret))
	task.StoppedReason = secretDenied(name, "0123", secret)
	f.happen(t, task)
	f.diagnosed(t, "poor", "registry-secret-denied", "the role ecsTaskExecutionRole-poor may not read the secret diagnosed/poor. patch-task-definition is looking")
	f.mayRead(t, role, secret)
	// It logs, too.
	f.hasPolicies(t, name, operator.TaskExecutionPolicy)
}

func testAbsentSecret(t *testing.T, f failures) {
	task := failed("absent-secret", undefined("absent-secret"))
	task.StoppedReason = "ResourceNotFoundException: The task can't retrieve the secret with ARN '" + arn("secretsmanager", "secret:prod/absent-AbCdEf") +
		"' from AWS Secrets Manager. Check whether the secret exists in the specified Region: ResourceNotFoundException: Secrets Manager can't find the specified secret."
	f.happen(t, task)
	untouched(t, f.diagnosed(t, "absent-secret", "secret-gone", "the secret prod/absent doesn't exist."))
}

func testEnvironmentFile(t *testing.T, f failures) {
	role := must(f.before.CreateRole(t.Context(), "ecsTaskExecutionRole-nofile", "ecs-tasks.amazonaws.com"))(t)
	bucket := f.Stack.Outputs["ConfigBucket"]
	must(f.Upload(t.Context(), bucket, "diagnosed/there.env", "A=b\n"))(t)
	definition := f.define(t, "files", role, publicImage, "")
	denied := func(name, key string) operator.Task {
		task := failed(name, definition)
		task.StoppedReason = "Unable to download env file with key " + key + " from bucket " + bucket + ", error: operation error S3: GetObject, https response error StatusCode: 403, RequestID: 0, HostID: 0, api error AccessDenied: Access Denied"
		return task
	}
	f.happen(t, denied("file-absent", "diagnosed/absent.env"), denied("file-forbidden", "diagnosed/there.env"))
	untouched(t, f.diagnosed(t, "file-absent", "env-file-denied", "the environment file s3://"+bucket+"/diagnosed/absent.env doesn't exist"))
	f.diagnosed(t, "file-forbidden", "env-file-denied", "may not read the environment file s3://"+bucket+"/diagnosed/there.env. patch-task-definition is looking")
}

// testLogGroupDenied: the agent's own policy lets it write logs.
func testLogGroupDenied(t *testing.T, f failures) {
	const role = "ecsInstanceRole-nologs"
	must(f.before.CreateInstanceRole(t.Context(), role))(t)
	task := failed("no-logs", undefined("no-logs"))
	task.Reason = "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log stream: AccessDeniedException: User: arn:aws:sts::" + stack.Account +
		":assumed-role/" + role + "/i-0123456789abcdef0 is not authorized to perform: logs:CreateLogStream on resource: arn:aws:logs:" + stack.Region + ":" + stack.Account + ":log-group:/ecs/web:log-stream:web because no identity-based policy allows the logs:CreateLogStream action"
	f.happen(t, task)
	f.diagnosed(t, "no-logs", "log-denied", "the role "+role+" may not write to the log group /ecs/web. attach-policies is looking at the role.")
	f.hasPolicies(t, role, operator.AgentPolicy)
}

func testRefusedRegistration(t *testing.T, f failures) {
	const name = "ecsInstanceRole-refused"
	role := must(f.before.CreateInstanceRole(t.Context(), name))(t)
	if err := f.RefusedRegistration(t.Context(), "i-0aaaaaaaaaaaaaaa1", role, failedCluster, "AccessDenied",
		"User: {user} is not authorized to perform: ecs:RegisterContainerInstance on resource: "+clusterARN(failedCluster)+" because no identity-based policy allows the ecs:RegisterContainerInstance action"); err != nil {
		t.Fatal(err)
	}
	f.diagnosed(t, "i-0aaaaaaaaaaaaaaa1", "registration-denied", "the role "+name+" may not register the instance. attach-policies is looking at the role.")
	f.hasPolicies(t, name, operator.AgentPolicy)
}

func testWrongCluster(t *testing.T, f failures) {
	if err := f.RefusedRegistration(t.Context(), "i-0aaaaaaaaaaaaaaa2", global("role/ecsInstanceRole-typo"), "storefrnot", "ClientException", "Cluster not found."); err != nil {
		t.Fatal(err)
	}
	told := f.published(t, "the diagnosis of the typo", func(result operator.Result) bool {
		return result.Function == "diagnose-failure" && result.Subject == "storefrnot/i-0aaaaaaaaaaaaaaa2"
	})
	if told.Findings[0].Code != "cluster-absent" || !strings.Contains(told.Findings[0].Fix, "systemctl restart ecs") {
		t.Errorf("told %+v", told.Findings)
	}
	untouched(t, told)
}

// testNeverJoined: the schedule finds instances that run for twenty minutes and are
// in no cluster. One names its cluster in its user data, and its role lacks the
// right. The other's script finds the cluster out when it runs, so that it is looked
// for in each, and has no role at all.
func testNeverJoined(t *testing.T, f failures) {
	const role = "ecsInstanceRole-late"
	must(f.before.CreateInstanceRole(t.Context(), role))(t)
	must(0, f.before.CreateInstanceProfile(t.Context(), role))(t)
	client := ec2.NewFromConfig(f.Stack.Behind)
	image := must(client.DescribeImages(t.Context(), &ec2.DescribeImagesInput{}))(t).Images[0].ImageId
	launch := func(cluster string, profile *ec2types.IamInstanceProfileSpecification) string {
		t.Helper()
		launched := must(client.RunInstances(t.Context(), &ec2.RunInstancesInput{ImageId: image, MinCount: aws.Int32(1), MaxCount: aws.Int32(1), IamInstanceProfile: profile}))(t)
		instance := aws.ToString(launched.Instances[0].InstanceId)
		f.Stack.Launches.Keep(instance, base64.StdEncoding.EncodeToString([]byte("#!/bin/bash\necho ECS_CLUSTER="+cluster+" >> /etc/ecs/ecs.config\n")))
		f.Stack.Launches.LaunchedAt(instance, time.Now().Add(-20*time.Minute))
		return instance
	}
	named := launch(failedCluster, &ec2types.IamInstanceProfileSpecification{Name: aws.String(role)})
	unnamed := launch("$(aws ssm get-parameter --name cluster --query Parameter.Value --output text)", nil)
	f.followUp(t)
	f.diagnosed(t, named, "instance-not-registered", "the role "+role+" may not register the instance. attach-policies is looking at the role.")
	f.hasPolicies(t, role, operator.AgentPolicy)
	told := f.published(t, "the diagnosis of the instance without a role", func(result operator.Result) bool {
		return result.Function == "diagnose-failure" && strings.HasSuffix(result.Subject, unnamed)
	})
	if !strings.Contains(told.Findings[0].Message, "it has no instance profile") {
		t.Errorf("told %+v", told.Findings)
	}
	untouched(t, told)
}

func testNotOurs(t *testing.T, f failures) {
	absent := failed("absent-image", undefined("absent-image"))
	absent.Image, absent.Reason = "registry.example.com/acme/app:typo", "CannotPullImageManifestError: Error response from daemon: manifest unknown: manifest unknown"
	cut := failed("cut-off", undefined("cut-off"))
	cut.Launch = "FARGATE"
	cut.StoppedReason = `ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.us-east-1.amazonaws.com/": dial tcp 192.0.2.10:443: i/o timeout`
	f.happen(t, absent, cut)
	untouched(t, f.diagnosed(t, "absent-image", "image-absent", "isn't in the registry"))
	untouched(t, f.diagnosed(t, "cut-off", "ecr-token-network", "can't reach the Amazon ECR API"))
}

func testApplicationExit(t *testing.T, f failures) {
	exited := failed("exited", undefined("exited"))
	exited.ExitCode = aws.Int(1)
	f.happen(t, exited)
	result := f.logged(t, "diagnose-failure", "the exit", ofFailure("exited"))
	if result.Status != finding.Skipped || result.Findings[0].Code != "application-exit" {
		t.Errorf("logged %+v", result)
	}
}

// testManyFailures plays one cause that stops 500 tasks within a minute.
func testManyFailures(t *testing.T, f failures) {
	const name = "ecsTaskExecutionRole-many"
	role := must(f.before.CreateRole(t.Context(), name, "ecs-tasks.amazonaws.com"))(t)
	secret := f.partSecret(t, "many")
	definition := f.define(t, "many", role, f.Stack.Registry.Host+"/many/app:1.0", secret)
	var tasks []operator.Task
	for i := range 500 {
		task := failed("many", definition)
		task.Number += i
		task.StoppedReason = secretDenied(name, fmt.Sprintf("%032x", i), secret)
		tasks = append(tasks, task)
	}
	f.happen(t, tasks...)
	f.diagnosed(t, "many", "registry-secret-denied", "the role "+name+" may not read the secret diagnosed/many.")
	f.mayRead(t, role, secret)
	eventually(t, "the queue before diagnose-failure is empty", func(ctx context.Context) (bool, error) {
		depth, err := f.QueueDepth(ctx, f.Stack.Outputs["DiagnoseFailureQueue"])
		return depth == 0, err
	})
	// The last event of the queue was answered when this one is.
	last := failed("many-last", definition)
	last.ExitCode = aws.Int(0)
	f.happen(t, last)
	f.logged(t, "diagnose-failure", "the last event", ofFailure("many-last"))
	messages, handedOver := 0, 0
	for _, result := range must(f.bus.Results(t.Context()))(t) {
		if ofFailure("many")(result) {
			messages++
			handedOver += len(result.Applied())
		}
	}
	if messages != 1 || handedOver != 1 {
		t.Errorf("%d messages and %d hand-overs for 500 failures, want one of each", messages, handedOver)
	}
	cures := 0
	for _, result := range must(f.Results(t.Context(), "patch-task-definition"))(t) {
		if result.Subject == definition && slices.Contains(result.Applied(), "PutResourcePolicy") {
			cures++
		}
	}
	if cures != 1 {
		t.Errorf("%d cures, want one", cures)
	}
}

// testDiagnosesByHand asks for a task, a service and an instance, each by invoking
// the function and from a shell.
func testDiagnosesByHand(t *testing.T, f failures) {
	const cluster = "byhand"
	must(f.ECS.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String(cluster)}))(t)
	definition := f.define(t, "by-hand", f.executionRole, publicImage, "")
	must(f.ECS.CreateService(t.Context(), &ecs.CreateServiceInput{
		Cluster: aws.String(cluster), ServiceName: aws.String("web"), TaskDefinition: &definition, DesiredCount: aws.Int32(0),
	}))(t)
	run := must(f.ECS.RunTask(t.Context(), &ecs.RunTaskInput{Cluster: aws.String(cluster), TaskDefinition: &definition}))(t)
	task := aws.ToString(run.Tasks[0].TaskArn)
	image := `CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref registry.example.com/acme/app:typo: registry.example.com/acme/app:typo: not found`
	started := must(f.ECS.RunTask(t.Context(), &ecs.RunTaskInput{Cluster: aws.String(cluster), TaskDefinition: &definition, Group: aws.String("service:broken")}))(t)
	broken := aws.ToString(started.Tasks[0].TaskArn)
	must(f.ECS.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String(cluster), Task: &broken, Reason: &image}))(t)
	if err := f.Stack.Instances.Start(&containerinstance.Instance{ID: "i-0aaaaaaaaaaaaaaa4", Cluster: cluster}, "ECS_CLUSTER="+cluster+"\n"); err != nil {
		t.Fatal(err)
	}
	for _, asked := range []struct {
		event     string
		arguments []string
		code      string
		exit      int
	}{
		{`{"task":"` + task + `"}`, []string{"--task", task}, "failure-absent", 0},
		{`{"service":"` + cluster + `/web"}`, []string{"--service", cluster + "/web"}, "failure-absent", 0},
		{`{"instance":"i-0aaaaaaaaaaaaaaa3","cluster":"` + cluster + `"}`, []string{"--instance", "i-0aaaaaaaaaaaaaaa3", "--cluster", cluster}, "instance-not-registered", 1},
		{`{"instance":"i-0aaaaaaaaaaaaaaa4","cluster":"` + cluster + `"}`, []string{"--instance", "i-0aaaaaaaaaaaaaaa4", "--cluster", cluster}, "failure-absent", 0},
		{`{"task":"` + broken + `"}`, []string{"--task", broken}, "image-absent", 1},
	} {
		invoked := must(f.Invoke(t.Context(), "diagnose-failure", []byte(asked.event)))(t)
		if len(invoked.Report.Results) != 1 || invoked.Report.Results[0].Findings[0].Code != asked.code {
			t.Errorf("%s: %s", asked.event, invoked.Payload)
			continue
		}
		command := exec.CommandContext(t.Context(), f.Stack.Binary("diagnose-failure"), asked.arguments...)
		command.Env = os.Environ()
		for _, variable := range f.Stack.Variables() {
			command.Env = append(command.Env, variable.Name+"="+variable.Value)
		}
		var out, errs bytes.Buffer
		command.Stdout, command.Stderr = &out, &errs
		_ = command.Run()
		if command.ProcessState == nil || command.ProcessState.ExitCode() != asked.exit || !strings.Contains(out.String(), invoked.Report.Results[0].Findings[0].Message) {
			t.Errorf("diagnose-failure %s ended with %v:\n%s%s", strings.Join(asked.arguments, " "), command.ProcessState, out.String(), errs.String())
		}
	}
	// As JSON it is the report.
	command := exec.CommandContext(t.Context(), f.Stack.Binary("diagnose-failure"), "--service", cluster+"/web", "--format", "json")
	command.Env = os.Environ()
	for _, variable := range f.Stack.Variables() {
		command.Env = append(command.Env, variable.Name+"="+variable.Value)
	}
	output := must(command.Output())(t)
	var report finding.Report
	if err := json.Unmarshal(output, &report); err != nil || len(report.Results) != 1 || report.Results[0].Subject != cluster+"/web" {
		t.Errorf("%v: %s", err, output)
	}
}
