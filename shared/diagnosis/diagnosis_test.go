package diagnosis

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/racetest"
)

var update = flag.Bool("update", false, "write the table of findings into the README")

func TestREADMEListsTheCodes(t *testing.T) {
	findingtest.README(t, "../../functions/diagnose-failure/README.md", *update, map[string][]finding.Code{
		"## Findings": slices.Concat(Codes, pipeline.Codes),
	})
}

const definitionARN = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7"

// define gives the definition that the samples' tasks have.
func (a *account) define(credential, role string) {
	container := types.ContainerDefinition{Name: aws.String("app"), Image: aws.String("registry.example.com/team/app:1"),
		LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "/ecs/web"}}}
	if credential != "" {
		container.RepositoryCredentials = &types.RepositoryCredentials{CredentialsParameter: &credential}
	}
	definition := &types.TaskDefinition{TaskDefinitionArn: aws.String(definitionARN), ContainerDefinitions: []types.ContainerDefinition{container}}
	if role != "" {
		definition.ExecutionRoleArn = &role
	}
	a.definitions[definitionARN] = definition
}

func stoppedFor(reason string) func(map[string]any) {
	return func(detail map[string]any) { detail["stoppedReason"] = reason }
}

func containerReason(reason string) func(map[string]any) {
	return func(detail map[string]any) {
		detail["stoppedReason"] = "Task failed to start"
		detail["containers"].([]any)[0].(map[string]any)["reason"] = reason
	}
}

const registrySecret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/registry-AbCdEf"

// Each scenario is an event and an account, the message that people get, and
// who is asked to end the cause.
func TestDiagnoses(t *testing.T) {
	owned := secretOf(map[string]string{driverTag: "harbor", registryTag: "registry.example.com"}, true)
	pullRefused := `CannotPullContainerError: Error response from daemon: Get "https://registry.example.com/v2/team/app/manifests/1": unauthorized: incorrect username or password`
	for name, c := range map[string]struct {
		event          string
		change         func(map[string]any)
		account        func(*account)
		code, message  string
		fix            string
		to, asked      string
		mode           finding.Mode
		severity       finding.Severity
		absent, notice string
	}{
		"refused credential that rotate-secret may renew": {
			event: "task-stopped-ec2-registry-secret-denied", change: containerReason(pullRefused),
			account: func(a *account) { a.define(registrySecret, ""); a.secrets[registrySecret] = owned },
			code:    "registry-wrong-credential",
			message: "web (main) can't pull registry.example.com/team/app: the registry refused the credential in the secret prod/registry. rotate-secret is renewing the secret.",
			to:      "https://sqs/rotate", asked: `"renew":true,"secret":"` + registrySecret + `"`, notice: "tries again by itself within 15 minutes",
		},
		"refused credential with its status": {
			event: "task-stopped-fargate-ghcr-no-credential", change: stoppedFor("CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref registry.example.com/team/app:1: failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized"),
			account: func(a *account) {
				a.define(registrySecret, "")
				a.definitions[definitionARN].ContainerDefinitions[0].Name = aws.String("flow")
				a.secrets[registrySecret] = owned
			},
			code: "registry-wrong-credential", to: "https://sqs/rotate",
			message: "web (main) can't pull registry.example.com/team/app: the registry refused the credential in the secret prod/registry (401). rotate-secret is renewing the secret.",
			asked:   registrySecret,
		},
		"refused credential of a secret that no one renews": {
			event: "task-stopped-ec2-registry-secret-denied", change: containerReason(pullRefused),
			account: func(a *account) { a.define(registrySecret, ""); a.secrets[registrySecret] = secretOf(nil, false) },
			code:    "registry-wrong-credential", fix: "Write the registry's present credential into the secret prod/registry", asked: "-",
			message: "web (main) can't pull registry.example.com/team/app: the registry refused the credential in the secret prod/registry.",
		},
		"credential that was sent to somebody else's registry": {
			event: "task-stopped-ec2-registry-secret-denied", change: containerReason(pullRefused),
			account: func(a *account) {
				a.define(registrySecret, "")
				a.secrets[registrySecret] = secretOf(map[string]string{driverTag: "harbor", registryTag: "other.example.com"}, true)
			},
			code: "registry-wrong-credential", message: "the registry refused the credential", asked: "-",
		},
		"missing credential": {
			event: "task-stopped-ec2-registry-secret-denied", change: containerReason(`CannotPullContainerError: Error response from daemon: Head "https://registry.example.com/v2/team/app/manifests/1": no basic auth credentials`),
			account: func(a *account) { a.define("", "") },
			code:    "registry-no-credential", message: "web (main) can't pull registry.example.com/team/app: it is private, and the task definition names no credential. patch-task-definition is looking at the task definition.",
			to: "https://sqs/patch", asked: `"taskDefinitions":["` + definitionARN + `"]`,
		},
		"missing credential in a dry run": {
			event: "task-stopped-ec2-registry-secret-denied", change: containerReason("CannotPullContainerError: no basic auth credentials"), mode: finding.DryRun,
			account: func(a *account) { a.define("", "") },
			code:    "registry-no-credential", message: "patch-task-definition isn't asked to end this, because this is a dry run.", asked: "-",
		},
		"registry secret that the execution role may not read": {
			event:   "task-stopped-ec2-registry-secret-denied",
			account: func(a *account) { a.denied["secretsmanager:GetSecretValue ecsTaskExecutionRole"] = true },
			code:    "registry-secret-denied", message: "web (main) can't start a task: the role ecsTaskExecutionRole may not read the secret registry. patch-task-definition is looking at the task definition.",
			to: "https://sqs/patch", asked: definitionARN,
		},
		"registry secret that an organization forbids": {
			event: "task-stopped-ec2-registry-secret-denied",
			change: func(d map[string]any) {
				d["stoppedReason"] = d["stoppedReason"].(string) + " with an explicit deny in a service control policy"
			},
			account: func(*account) {}, code: "registry-secret-denied", message: ". A policy of the organization denies it.", asked: "-",
		},
		"registry secret that doesn't exist": {
			event: "task-stopped-ec2-registry-secret-denied", change: stoppedFor("Asm fetching secret from the service for arn:aws:secretsmanager:us-east-1:123456789012:secret:old-AbCdEf: ResourceNotFoundException: Secrets Manager can't find the specified secret."),
			account: func(*account) {}, code: "registry-secret-gone", message: "web (main) can't start a task: the secret old doesn't exist.", to: "https://sqs/patch", asked: definitionARN,
		},
		"secret that doesn't exist": {
			event: "task-stopped-secret-denied", change: stoppedFor("ResourceNotFoundException: The task can't retrieve the secret with ARN 'arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf' from AWS Secrets Manager. Check whether the secret exists in the specified Region: x"),
			account: func(*account) {}, code: "secret-gone", message: "the secret app doesn't exist.", asked: "-", fix: "secret:app-AbCdEf, or correct valueFrom.",
		},
		"secret that is scheduled for deletion": {
			event: "task-stopped-secret-denied", change: stoppedFor("ResourceNotFoundException: The task can't retrieve the secret with ARN 'arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf' from AWS Secrets Manager. Check whether the secret exists in the specified Region: x"),
			account: func(a *account) {
				a.secrets["arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf"] = &secretsmanager.DescribeSecretOutput{DeletedDate: aws.Time(a.now)}
			},
			code: "secret-gone", message: "the secret app is scheduled for deletion on 2026-08-24.", asked: "-",
		},
		"environment file that isn't there, which S3 calls forbidden": {
			event: "task-stopped-secret-denied", change: stoppedFor("Unable to download env file with key prod/app.env from bucket example-env, error: operation error S3: GetObject, https response error StatusCode: 403, RequestID: 0, HostID: 0, api error AccessDenied: Access Denied"),
			account: func(*account) {}, code: "env-file-denied", message: "the environment file s3://example-env/prod/app.env doesn't exist", asked: "-", fix: "Upload the environment file s3://example-env/prod/app.env",
		},
		"environment file that is forbidden": {
			event: "task-stopped-secret-denied", change: stoppedFor("Unable to download env file with key prod/app.env from bucket example-env, error: operation error S3: GetObject, https response error StatusCode: 403, RequestID: 0, HostID: 0, api error AccessDenied: Access Denied"),
			account: func(a *account) {
				a.objects["s3://example-env/prod/app.env"] = nil
				a.define("", "arn:aws:iam::123456789012:role/exec")
			},
			code: "env-file-denied", message: "the role exec may not read the environment file s3://example-env/prod/app.env. patch-task-definition is looking", to: "https://sqs/patch", asked: definitionARN,
		},
		"log group denied to the instance role": {
			event: "task-stopped-ec2-log-group-gone", change: containerReason("CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log stream: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/ecsInstanceRole/i-0123456789abcdef0 is not authorized to perform: logs:CreateLogStream on resource: arn:aws:logs:us-east-1:123456789012:log-group:/ecs/web:log-stream:x because no identity-based policy allows the logs:CreateLogStream action"),
			account: func(*account) {}, code: "log-denied", message: "the role ecsInstanceRole may not write to the log group /ecs/web. attach-policies is looking at the role.", to: "https://sqs/attach", asked: `"refused":"logs:CreateLogStream","roles":["ecsInstanceRole"]`,
		},
		"log group that doesn't exist": {
			event: "task-stopped-ec2-log-group-gone", account: func(a *account) {
				a.define("", "")
				a.definitions[definitionARN].ContainerDefinitions[0].Name = aws.String("web")
			},
			code: "log-group-gone", message: "web (main) can't start a task: the log group /ecs/web doesn't exist.", asked: "-",
		},
		"image that isn't there": {
			event: "task-stopped-ec2-manifest-unknown", account: func(*account) {}, code: "image-absent", message: "isn't in the registry.", asked: "-",
		},
		"network": {
			event: "task-stopped-fargate-ecr-network", account: func(*account) {}, code: "ecr-token-network", message: "the task can't reach the Amazon ECR API.", asked: "-", notice: "AWSSupport-TroubleshootECSTaskFailedToStart",
		},
		"running on a cached image": {
			event:   "task-running-on-cached-image",
			account: func(a *account) { a.define(registrySecret, ""); a.secrets[registrySecret] = owned },
			code:    "registry-wrong-credential", severity: finding.Warning,
			message: "web (main) runs on a cached image, because registry.example.com/team/app can't be pulled: the registry refused the credential in the secret prod/registry. rotate-secret is renewing the secret.",
			to:      "https://sqs/rotate", asked: registrySecret,
		},
		"refused registration": {
			event: "cloudtrail-register-denied", account: func(*account) {}, code: "registration-denied",
			message: "Instance i-0123456789abcdef0 (default) can't join its cluster: the role bastion-role may not register the instance. attach-policies is looking at the role.",
			to:      "https://sqs/attach", asked: `"refused":"ecs:RegisterContainerInstance","roles":["bastion-role"]`, notice: "tries again by itself within minutes",
		},
		"registration with a cluster that doesn't exist": {
			event: "cloudtrail-register-denied", change: func(d map[string]any) {
				d["errorCode"], d["errorMessage"] = "ClientException", "Cluster not found."
				d["requestParameters"] = map[string]any{"cluster": "prdo"}
			},
			account: func(*account) {}, code: "cluster-absent", message: "Instance i-0123456789abcdef0 (prdo) can't join its cluster: the cluster prdo doesn't exist or isn't active.", asked: "-", fix: "systemctl restart ecs",
		},
		"registration with an attribute that ECS refuses": {
			event: "cloudtrail-register-denied", change: func(d map[string]any) {
				d["errorCode"], d["errorMessage"] = "InvalidParameterException", "The specified attribute name is invalid."
				d["requestParameters"] = map[string]any{"cluster": "prod"}
			},
			account: func(*account) {}, code: "registration-refused", message: "Instance i-0123456789abcdef0 (prod) can't join its cluster: Amazon ECS refuses the attributes or tags", asked: "-", fix: "systemctl restart ecs",
		},
		"agent that is gone": {
			event: "container-instance-health-agent", account: func(*account) {}, code: "place-agent", message: "Instance i-0123456789abcdef0 (main) has lost its agent: the agent is disconnected from Amazon ECS.", asked: "-",
		},
		"role that ECS can't assume": {
			event: "service-task-configuration-failure", account: func(a *account) { a.trust["TaskRole"] = `{"Statement":[]}` }, code: "role-not-assumable",
			message: "web (main) can't start a task: the role TaskRole doesn't trust ecs-tasks.amazonaws.com.", asked: "-", fix: "ecs-tasks.amazonaws.com",
		},
		"capacity": {
			event: "service-task-placement-failure-ec2", account: func(*account) {}, code: "place-capacity", message: "web (main) can't place a task:", asked: "-",
		},
		"missing attribute": {
			event: "service-task-placement-failure-ec2", change: func(d map[string]any) {
				d["reason"] = "(service web) was unable to place a task because no container instance met all of its requirements. The closest matching (container-instance 0123) is missing an attribute required by your task."
				delete(d, "containerInstanceArns")
			},
			account: func(a *account) {
				a.services = []types.Service{{TaskDefinition: aws.String(definitionARN)}}
				a.define("", "")
				a.definitions[definitionARN].RequiresAttributes = []types.Attribute{{Name: aws.String("com.amazonaws.ecs.capability.logging-driver.splunk")}}
			},
			code: "place-attribute", message: "no instance has an attribute that the task definition requires", asked: "-",
		},
		"unknown reason": {
			event: "task-stopped-secret-denied", change: stoppedFor("BrandNewError: the moon is full"), account: func(*account) {}, code: "unrecognised",
			message: "infra", asked: "-", absent: "credential",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount()
			c.account(a)
			mode := c.mode
			if mode == "" {
				mode = finding.Enforce
			}
			change := c.change
			if change == nil {
				change = func(map[string]any) {}
			}
			result := only(t, a.diagnosis(mode).Handle(t.Context(), queued(1, sample(t, c.event, change))))
			worst := result.Findings[0]
			if c.severity == "" {
				c.severity = finding.Error
			}
			if worst.Code != c.code || worst.Severity != c.severity || (c.code != "unrecognised" && !strings.Contains(worst.Message, c.message)) {
				t.Errorf("told %s %s: %s\nwant %s: %s", worst.Severity, worst.Code, worst.Message, c.code, c.message)
			}
			if c.fix != "" && !strings.Contains(worst.Fix, c.fix) {
				t.Errorf("the fix is %q, want %q in it", worst.Fix, c.fix)
			}
			var told []string
			for _, f := range result.Findings {
				told = append(told, f.Message)
			}
			all := strings.Join(told, "\n")
			if c.notice != "" && !strings.Contains(all, c.notice) {
				t.Errorf("told %s, want %q in it", all, c.notice)
			}
			if c.asked == "-" {
				if len(a.sent) > 0 {
					t.Errorf("asked %s", *a.sent[0].MessageBody)
				}
			} else if len(a.sent) != 1 || *a.sent[0].QueueUrl != c.to || !strings.Contains(*a.sent[0].MessageBody, c.asked) {
				t.Errorf("sent %+v, want one to %s with %s", a.sent, c.to, c.asked)
			}
			// The message itself is one call more.
			if calls := a.took(); len(calls) > 4 {
				t.Errorf("%d calls, want at most 4 and the message: %q", len(calls), calls)
			}
		})
	}
}

func TestApplicationExitsCostNoCall(t *testing.T) {
	a := newAccount()
	for _, change := range []func(map[string]any){
		func(map[string]any) {},
		func(d map[string]any) {
			// The cached image ran and ended: the pull is another event's matter.
			container := d["containers"].([]any)[0].(map[string]any)
			container["reason"], d["stopCode"], d["stoppedReason"] = "CannotPullContainerError: no basic auth credentials", "EssentialContainerExited", "Essential container in task exited"
		},
		func(d map[string]any) {
			delete(d["containers"].([]any)[0].(map[string]any), "exitCode")
		},
		func(d map[string]any) {
			d["containers"].([]any)[0].(map[string]any)["reason"] = "OutOfMemoryError: Container killed due to memory usage"
		},
	} {
		result := only(t, a.diagnosis(finding.Enforce).Handle(t.Context(), queued(1, sample(t, "task-stopped-app-exited", change))))
		if result.Status != finding.Skipped || result.Findings[0].Code != CodeApplicationExit {
			t.Errorf("%+v, want it skipped as the application's own", result)
		}
	}
	if calls := a.took(); len(calls) > 0 {
		t.Errorf("calls %q, want none", calls)
	}
}

func denied(i int) func(map[string]any) {
	return func(d map[string]any) {
		d["taskArn"] = fmt.Sprintf("arn:aws:ecs:us-east-1:123456789012:task/main/%032x", i)
	}
}

// 500 equal failures, in batches, some of them twice and to two processes: one
// message, one hand-over.
func TestFiveHundredFailuresAreOneMessage(t *testing.T) {
	racetest.Skip(t)
	a := newAccount()
	a.denied["secretsmanager:GetSecretValue ecsTaskExecutionRole"] = true
	processes := []*Diagnosis{a.diagnosis(finding.Enforce), a.diagnosis(finding.Enforce)}
	told := 0
	for batch := range 10 {
		var events [][]byte
		for i := range 50 {
			events = append(events, sample(t, "task-stopped-ec2-registry-secret-denied", denied(batch*40+i)))
		}
		result := only(t, processes[batch%2].Handle(t.Context(), queued(1, events...)))
		if result.Newsworthy() {
			told++
		}
	}
	if told != 1 || len(a.sent) != 1 {
		t.Errorf("%d messages and %d hand-overs, want one of each", told, len(a.sent))
	}
	// One process claims, confirms and hands over; the other finds that it is known.
	want := []string{"PutObject", "SimulatePrincipalPolicy", "SendMessage", "PutObject", "GetObject"}
	if calls := a.took(); !slices.Equal(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
}

func TestDuplicatesCostNoCall(t *testing.T) {
	a := newAccount()
	d := a.diagnosis(finding.Enforce)
	event := sample(t, "task-stopped-ec2-registry-secret-denied")
	only(t, d.Handle(t.Context(), queued(1, event)))
	a.took()
	result := only(t, d.Handle(t.Context(), queued(1, event, event)))
	if calls := a.took(); len(calls) > 0 || result.Status != finding.Skipped || result.Findings[0].Code != CodeKnown {
		t.Errorf("calls %q, result %+v; want none and skipped", calls, result)
	}
}

func TestHourlyReminderAndResolution(t *testing.T) {
	a := newAccount()
	a.denied["secretsmanager:GetSecretValue ecsTaskExecutionRole"] = true
	d := a.diagnosis(finding.Enforce)
	at := func(minutes int, i int) finding.Result {
		a.now = time.Date(2026, 8, 24, 16, minutes, 0, 0, time.UTC)
		return only(t, d.Handle(t.Context(), queued(1, sample(t, "task-stopped-ec2-registry-secret-denied", denied(i)))))
	}
	if !at(0, 1).Newsworthy() || at(15, 2).Newsworthy() || at(59, 3).Newsworthy() {
		t.Error("want the first message alone within the hour")
	}
	again := at(61, 4)
	if !again.Newsworthy() || !strings.HasPrefix(again.Findings[0].Message, "Still failing since 16:00 UTC: web (main)") || !strings.Contains(fmt.Sprint(again.Findings), "in 4 attempts") {
		t.Errorf("after an hour told %+v, want it with a count", again.Findings)
	}
	schedule := []byte(`{"version":"0","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`)
	lasts := only(t, d.Handle(t.Context(), schedule))
	if lasts.Newsworthy() || len(a.objects) != 1 {
		t.Errorf("while it lasts told %+v", lasts)
	}
	started := a.now.Add(2 * time.Minute)
	a.tasks = []types.Task{{TaskArn: aws.String("arn:aws:ecs:us-east-1:123456789012:task/main/1"), LastStatus: aws.String("RUNNING"), TaskDefinitionArn: aws.String("arn:aws:ecs:us-east-1:123456789012:task-definition/web:8"), StartedAt: &started}}
	over := only(t, d.Handle(t.Context(), schedule))
	if over.Status != finding.Remediated || !strings.Contains(over.Findings[0].Message, "Resolved: web (main) works again: a task of web:8 has run since 17:03 UTC.") || len(a.objects) != 0 {
		t.Errorf("when it is over told %+v", over)
	}
	// The next failure is a new one.
	if !at(70, 5).Newsworthy() {
		t.Error("a failure after the end isn't told")
	}
}

func TestNothingTriesAnyMore(t *testing.T) {
	a := newAccount()
	d := a.diagnosis(finding.DryRun)
	only(t, d.Handle(t.Context(), queued(1, sample(t, "task-stopped-secret-denied"))))
	a.now = a.now.Add(25 * time.Hour)
	result := only(t, d.Handle(t.Context(), []byte(`{"detail-type":"Scheduled Event","source":"aws.events","detail":{}}`)))
	if result.Newsworthy() || len(a.objects) != 0 {
		t.Errorf("told %+v, kept %d states", result, len(a.objects))
	}
}

// A run that was cut off between the claim and the message is finished by the
// redelivery, and by that alone.
func TestRedeliveryFinishes(t *testing.T) {
	a := newAccount()
	a.fail["SimulatePrincipalPolicy"] = &transient{}
	event := sample(t, "task-stopped-ec2-registry-secret-denied")
	outcome := a.diagnosis(finding.Enforce).Handle(t.Context(), queued(1, event))
	if len(outcome.Failures()) != 1 {
		t.Fatalf("the message isn't delivered again: %+v", outcome.Report())
	}
	delete(a.fail, "SimulatePrincipalPolicy")
	if result := only(t, a.diagnosis(finding.Enforce).Handle(t.Context(), queued(1, sample(t, "task-stopped-ec2-registry-secret-denied", denied(9))))); result.Newsworthy() {
		t.Errorf("another attempt told %+v", result)
	}
	if result := only(t, a.diagnosis(finding.Enforce).Handle(t.Context(), queued(2, event))); !result.Newsworthy() || len(a.sent) != 1 {
		t.Errorf("the redelivery told %+v", result)
	}
}

type transient struct{}

func (*transient) Error() string { return "connection reset" }

// What can't be looked at costs the confirmation, never the message.
func TestReadsThatAreDenied(t *testing.T) {
	a := newAccount()
	a.fail["SimulatePrincipalPolicy"] = apiError("AccessDenied")
	result := only(t, a.diagnosis(finding.Enforce).Handle(t.Context(), queued(1, sample(t, "task-stopped-ec2-registry-secret-denied"))))
	if result.Findings[0].Code != "registry-secret-denied" || !slices.ContainsFunc(result.Findings, func(f finding.Finding) bool {
		return f.Code == CodeCauseOpen && strings.Contains(f.Message, "AccessDenied")
	}) {
		t.Errorf("told %+v", result.Findings)
	}
}

func TestServiceEventWithoutReason(t *testing.T) {
	a := newAccount()
	var detail struct {
		Detail taskDetail `json:"detail"`
	}
	if err := json.Unmarshal(sample(t, "task-stopped-ec2-registry-secret-denied"), &detail); err != nil {
		t.Fatal(err)
	}
	a.tasks = []types.Task{{TaskArn: &detail.Detail.TaskARN, ClusterArn: &detail.Detail.ClusterARN, TaskDefinitionArn: &detail.Detail.TaskDefinitionARN, Group: aws.String("service:web"),
		LastStatus: aws.String("STOPPED"), StoppedReason: &detail.Detail.StoppedReason, StopCode: types.TaskStopCodeTaskFailedToStart}}
	for _, event := range []string{"service-task-start-impaired", "deployment-failed"} {
		a.objects = map[string][]byte{}
		result := only(t, a.diagnosis(finding.Enforce).Handle(t.Context(), queued(1, sample(t, event))))
		if result.Findings[0].Code != "registry-secret-denied" || !strings.HasPrefix(result.Findings[0].Message, "web (main) can't start a task: the role ecsTaskExecutionRole") {
			t.Errorf("%s told %+v", event, result.Findings)
		}
		if calls := a.took(); len(calls) > 4 {
			t.Errorf("%s: calls %q", event, calls)
		}
	}
	// The same as the task's own event: people know.
	if result := only(t, a.diagnosis(finding.Enforce).Handle(t.Context(), queued(1, sample(t, "task-stopped-ec2-registry-secret-denied")))); result.Newsworthy() {
		t.Errorf("told twice: %+v", result)
	}
}

func TestByHand(t *testing.T) {
	a := newAccount()
	a.trust["node"] = ""
	for name, c := range map[string]struct {
		request string
		prepare func()
		code    string
		message string
	}{
		"service without a failure": {`{"service":"main/web"}`, func() { a.services = nil }, CodeNothingFound, "No failure was found for web (main)."},
		"service that can't place": {`{"service":"main/web"}`, func() {
			a.services = []types.Service{{Events: []types.ServiceEvent{{Message: aws.String("(service web) was unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster.")}}}}
		}, "place-no-instances", "the cluster has no container instance"},
		"instance without a profile": {`{"instance":"i-0123456789abcdef0","cluster":"main"}`, func() { a.ec2 = []ec2types.Instance{instanceWith("")} }, "instance-not-registered", "Instance i-0123456789abcdef0 (main) can't join its cluster: it has no instance profile."},
		"instance whose role may not": {`{"instance":"i-0123456789abcdef0","cluster":"main"}`, func() {
			a.ec2 = []ec2types.Instance{instanceWith("arn:aws:iam::123456789012:instance-profile/node")}
			a.profiles["node"], a.denied["ecs:RegisterContainerInstance node"] = "node", true
		}, "instance-not-registered", "the role node may not register the instance. attach-policies is looking at the role."},
		"wrong words": {`{"service":"web"}`, func() {}, "event-malformed", "CLUSTER/NAME"},
		"wrong task":  {`{"task":"web"}`, func() {}, "event-malformed", "ARN of a task"},
	} {
		t.Run(name, func(t *testing.T) {
			c.prepare()
			result := only(t, a.diagnosis(finding.Enforce).Handle(t.Context(), []byte(c.request)))
			if result.Findings[0].Code != c.code || !strings.Contains(result.Findings[0].Message, c.message) {
				t.Errorf("told %+v", result.Findings)
			}
		})
	}
}

func TestEventsThatAreNotOurs(t *testing.T) {
	a := newAccount()
	for _, event := range []string{"container-instance-agent-disconnected", "container-instance-registered", "deployment-rollback"} {
		if result := only(t, a.diagnosis(finding.Enforce).Handle(t.Context(), sample(t, event))); result.Status != finding.Skipped {
			t.Errorf("%s: %+v", event, result)
		}
	}
	ok := sample(t, "container-instance-health-agent", func(d map[string]any) {
		d["healthChecks"].([]any)[0].(map[string]any)["status"] = "OK"
	})
	if result := only(t, a.diagnosis(finding.Enforce).Handle(t.Context(), ok)); result.Status != finding.Skipped {
		t.Errorf("a connected agent: %+v", result)
	}
	if calls := a.took(); len(calls) > 0 {
		t.Errorf("calls %q", calls)
	}
}

func TestMalformedEvents(t *testing.T) {
	a := newAccount()
	for _, event := range []string{
		`{"source":"aws.ecs","detail-type":"ECS Task State Change","detail":{}}`, `{"source":"aws.ecs","detail-type":"ECS Task State Change","detail":[]}`,
		`{"source":"aws.ecs","detail-type":"ECS Service Action","detail":{"eventName":"SERVICE_TASK_START_IMPAIRED"}}`,
		`{"source":"aws.ecs","detail-type":"ECS Container Instance Health Change","detail":{}}`,
	} {
		result := only(t, a.diagnosis(finding.Enforce).Handle(t.Context(), []byte(event)))
		if result.Findings[0].Code != "event-malformed" {
			t.Errorf("%s: %+v", event, result)
		}
	}
}

// A failure is reported even if its state was written by something else, or is broken.
func TestBrokenState(t *testing.T) {
	a := newAccount()
	event := sample(t, "task-stopped-ec2-registry-secret-denied")
	only(t, a.diagnosis(finding.Enforce).Handle(t.Context(), queued(1, event)))
	for key := range a.objects {
		a.objects[key] = []byte("not JSON")
	}
	if result := only(t, a.diagnosis(finding.Enforce).Handle(t.Context(), queued(1, event))); !result.Newsworthy() {
		t.Errorf("told %+v", result)
	}
}

// Instances that should be in a cluster by now are informed about, one message for
// those of one profile; the others are left alone.
func TestInstancesThatDoNotRegister(t *testing.T) {
	const setup = "#!/bin/bash\necho ECS_CLUSTER=main >> /etc/ecs/ecs.config\n"
	a := newAccount()
	a.profiles["node"], a.denied["ecs:RegisterContainerInstance node"] = "node", true
	a.userData = map[string]string{}
	launch := func(id string, age time.Duration, userData string, tags ...string) *ec2types.Instance {
		instance := instanceWith("arn:aws:iam::123456789012:instance-profile/node")
		instance.InstanceId, instance.LaunchTime = aws.String(id), aws.Time(a.now.Add(-age))
		instance.Placement = &ec2types.Placement{AvailabilityZone: aws.String("us-east-1a")}
		for _, tag := range tags {
			instance.Tags = append(instance.Tags, ec2types.Tag{Key: aws.String(tag), Value: aws.String("yes")})
		}
		a.userData[id] = userData
		a.ec2 = append(a.ec2, instance)
		return &a.ec2[len(a.ec2)-1]
	}
	launch("i-00000000000000001", 12*time.Minute, setup)
	launch("i-00000000000000002", 15*time.Minute, setup)
	launch("i-00000000000000003", 5*time.Minute, setup)
	launch("i-00000000000000004", 2*time.Hour, setup)
	launch("i-00000000000000005", 15*time.Minute, "#!/bin/bash\nyum install -y nginx\n")
	launch("i-00000000000000006", 15*time.Minute, setup, "AWSBatchServiceTag")
	launch("i-00000000000000007", 15*time.Minute, setup, "elasticbeanstalk:environment-name")
	launch("i-00000000000000008", 15*time.Minute, setup, "ecs-guardrails:ignore")
	launch("i-00000000000000009", 15*time.Minute, setup).Operator = &ec2types.OperatorResponse{Managed: aws.Bool(true)}
	launch("i-0000000000000000a", 15*time.Minute, setup)
	a.instances = []types.ContainerInstance{{Ec2InstanceId: aws.String("i-0000000000000000a"), ContainerInstanceArn: aws.String("arn:x"), AgentConnected: true}}
	schedule := []byte(`{"detail-type":"Scheduled Event","source":"aws.events","detail":{}}`)
	d := a.diagnosis(finding.Enforce)
	result := only(t, d.Handle(t.Context(), schedule))
	if result.Findings[0].Code != "instance-not-registered" || !strings.Contains(result.Findings[0].Message, "(main) can't join its cluster: the role node may not register the instance. attach-policies is looking at the role.") {
		t.Errorf("told %+v", result.Findings)
	}
	if len(a.sent) != 1 || !strings.Contains(*a.sent[0].MessageBody, `"roles":["node"]`) {
		t.Errorf("sent %+v", a.sent)
	}
	for _, again := range d.Handle(t.Context(), schedule).Report().Results {
		if again.Newsworthy() {
			t.Errorf("told again: %+v", again)
		}
	}
}

func TestOfACapacityProvider(t *testing.T) {
	a := newAccount()
	instance := instanceWith("")
	instance.LaunchTime, instance.Tags = aws.Time(a.now.Add(-20*time.Minute)), []ec2types.Tag{{Key: aws.String("AmazonECSManaged"), Value: aws.String("true")}}
	a.ec2 = []ec2types.Instance{instance}
	result := only(t, a.diagnosis(finding.Enforce).Handle(t.Context(), []byte(`{"detail-type":"Scheduled Event","source":"aws.events","detail":{}}`)))
	if result.Findings[0].Code != "instance-not-registered" || !strings.Contains(result.Findings[0].Message, "it has no instance profile.") {
		t.Errorf("told %+v", result.Findings)
	}
}
