package taskdef

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
)

func clusterARN(name string) string {
	return fmt.Sprintf("arn:aws:ecs:%s:%s:cluster/%s", region, account, name)
}

// running is a service in a steady state.
func running(cluster, name, definition string) types.Service {
	return types.Service{
		ClusterArn: aws.String(clusterARN(cluster)), ServiceName: aws.String(name), Status: aws.String("ACTIVE"),
		ServiceArn:     aws.String(fmt.Sprintf("arn:aws:ecs:%s:%s:service/%s/%s", region, account, cluster, name)),
		TaskDefinition: aws.String(definition), DesiredCount: 2, RunningCount: 2,
		Deployments: []types.Deployment{{
			Id: aws.String("ecs-svc/1"), Status: aws.String("PRIMARY"), TaskDefinition: aws.String(definition),
			RolloutState: types.DeploymentRolloutStateCompleted, DesiredCount: 2, RunningCount: 2,
		}},
	}
}

// idle is a service of which no task runs.
func idle(cluster, name, definition string) types.Service {
	service := running(cluster, name, definition)
	service.DesiredCount, service.RunningCount = 0, 0
	service.Deployments[0].DesiredCount, service.Deployments[0].RunningCount = 0, 0
	return service
}

// pageOf gives a page of a list, and the token of the next one.
func (f *fakeECS) pageOf(all []string, token *string) ([]string, *string) {
	from := 0
	if token != nil {
		from, _ = strconv.Atoi(*token)
	}
	to := min(from+max(f.page, 1), len(all))
	if to == len(all) {
		return all[from:to], nil
	}
	return all[from:to], aws.String(strconv.Itoa(to))
}

func (f *fakeECS) ListClusters(_ context.Context, input *ecs.ListClustersInput, _ ...func(*ecs.Options)) (*ecs.ListClustersOutput, error) {
	if err := f.enter("ListClusters"); err != nil {
		return nil, err
	}
	defer f.mutex.Unlock()
	var all []string
	for _, service := range f.services {
		if !slices.Contains(all, *service.ClusterArn) {
			all = append(all, *service.ClusterArn)
		}
	}
	output := &ecs.ListClustersOutput{}
	output.ClusterArns, output.NextToken = f.pageOf(all, input.NextToken)
	return output, nil
}

func (f *fakeECS) ListServices(_ context.Context, input *ecs.ListServicesInput, _ ...func(*ecs.Options)) (*ecs.ListServicesOutput, error) {
	if err := f.enter("ListServices"); err != nil {
		return nil, err
	}
	defer f.mutex.Unlock()
	var all []string
	for _, service := range f.services {
		if *service.ClusterArn == *input.Cluster {
			all = append(all, *service.ServiceArn)
		}
	}
	output := &ecs.ListServicesOutput{}
	output.ServiceArns, output.NextToken = f.pageOf(all, input.NextToken)
	return output, nil
}

func (f *fakeECS) DescribeServices(_ context.Context, input *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	if err := f.enter("DescribeServices"); err != nil {
		return nil, err
	}
	defer f.mutex.Unlock()
	if len(input.Services) > 10 {
		return nil, &types.InvalidParameterException{Message: aws.String("Services cannot have more than 10 elements.")}
	}
	output := &ecs.DescribeServicesOutput{}
	for _, service := range f.services {
		if *service.ClusterArn == *input.Cluster && slices.Contains(input.Services, *service.ServiceArn) {
			if !slices.Contains(input.Include, types.ServiceFieldTags) {
				service.Tags = nil
			}
			service.Deployments = slices.Clone(service.Deployments)
			output.Services = append(output.Services, service)
		}
	}
	return output, nil
}

// UpdateService starts a deployment, which goes on for the rest of the test.
func (f *fakeECS) UpdateService(_ context.Context, input *ecs.UpdateServiceInput, _ ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error) {
	if err := f.enter("UpdateService " + (*input.Service)[strings.LastIndexByte(*input.Service, '/')+1:]); err != nil {
		return nil, err
	}
	defer f.mutex.Unlock()
	if revision := f.find(*input.TaskDefinition); revision == nil || revision.definition.Status != types.TaskDefinitionStatusActive {
		return nil, &types.ClientException{Message: aws.String("TaskDefinition is inactive")}
	}
	for i := range f.services {
		service := &f.services[i]
		if *service.ClusterArn != *input.Cluster || *service.ServiceArn != *input.Service {
			continue
		}
		service.TaskDefinition = input.TaskDefinition
		for j := range service.Deployments {
			service.Deployments[j].Status = aws.String("ACTIVE")
		}
		service.Deployments = append([]types.Deployment{{
			Id: aws.String("ecs-svc/2"), Status: aws.String("PRIMARY"), TaskDefinition: input.TaskDefinition,
			RolloutState: types.DeploymentRolloutStateInProgress, DesiredCount: service.DesiredCount,
		}}, service.Deployments...)
		return &ecs.UpdateServiceOutput{Service: service}, nil
	}
	return nil, &types.ServiceNotFoundException{Message: aws.String("Service not found.")}
}

// runs gives what each service is meant to run, as "web=app:2".
func (f *fakeECS) runs() string {
	var texts []string
	for _, service := range f.services {
		definition := aws.ToString(service.TaskDefinition)
		texts = append(texts, aws.ToString(service.ServiceName)+"="+definition[strings.LastIndexByte(definition, '/')+1:])
	}
	return strings.Join(texts, " ")
}

// count gives the calls whose names begin so.
func (f *fakeECS) count(operation string) (count int) {
	for _, call := range f.calls {
		if strings.HasPrefix(call, operation) {
			count++
		}
	}
	return count
}

// newServiceStack has one definition that needs a credential.
func newServiceStack(services ...types.Service) *stack {
	s := newStack(tagged("shop", "registry.example.com"))
	s.settings.UpdateServices = true
	s.ecs.services = services
	s.ecs.page = 100
	s.ecs.add(registration("app", container("web", "registry.example.com/app")))
	return s
}

func TestWhichServicesAreMoved(t *testing.T) {
	const stays, moves = "service-not-moved", "service-behind"
	event := func(message string, after time.Duration) func(*types.Service) {
		return func(s *types.Service) {
			s.Events = []types.ServiceEvent{{Message: aws.String(message), CreatedAt: aws.Time(newFakeECS().now.Add(after))}}
		}
	}
	state := func(states ...types.DeploymentRolloutState) func(*types.Service) {
		return func(s *types.Service) {
			s.Deployments = nil
			for _, state := range states {
				s.Deployments = append(s.Deployments, types.Deployment{TaskDefinition: s.TaskDefinition, RolloutState: state})
			}
		}
	}
	controller := func(of types.DeploymentControllerType) func(*types.Service) {
		return func(s *types.Service) { s.DeploymentController = &types.DeploymentController{Type: of} }
	}
	tag := func(key, value string) func(*types.Service) {
		return func(s *types.Service) { s.Tags = []types.Tag{{Key: &key, Value: &value}} }
	}
	const completed, progressing, failed = types.DeploymentRolloutStateCompleted, types.DeploymentRolloutStateInProgress, types.DeploymentRolloutStateFailed
	tests := []struct {
		name    string
		change  func(*types.Service)
		setting func(*Settings)
		code    string
		why     string
	}{
		{"a steady one", func(*types.Service) {}, nil, moves, ""},
		{"one of the controller ECS by name", controller(types.DeploymentControllerTypeEcs), nil, moves, ""},
		{"one of CodeDeploy", controller(types.DeploymentControllerTypeCodeDeploy), nil, stays, "controller CODE_DEPLOY"},
		{"one of another controller", controller(types.DeploymentControllerTypeExternal), nil, stays, "controller EXTERNAL"},
		{"one of another controller, by its task sets", func(s *types.Service) {
			s.TaskSets = []types.TaskSet{{TaskDefinition: s.TaskDefinition}}
			s.TaskDefinition = nil
			controller(types.DeploymentControllerTypeExternal)(s)
		}, nil, stays, "controller EXTERNAL"},
		{"one of Express Mode", func(s *types.Service) { s.ResourceManagementType = types.ResourceManagementTypeEcs }, nil, stays, "Express"},
		{"one of a customer's", func(s *types.Service) { s.ResourceManagementType = types.ResourceManagementTypeCustomer }, nil, moves, ""},
		{"CloudFormation's", tag("aws:cloudformation:stack-name", "prod"), nil, stays, "CloudFormation (prod) manages it"},
		{"Terraform's", tag("managed-by", "terraform"), nil, stays, "Terraform manages it"},
		{"CloudFormation's, all the same", tag("aws:cloudformation:stack-name", "prod"), func(s *Settings) { s.ChangeOwnedResources = All }, moves, ""},
		{"an ignored one", tag(optout.Tag, "true"), nil, "service-ignored", optout.Tag},
		{"one whose tag says no", tag(optout.Tag, "false"), nil, moves, ""},
		{"a deployment goes on", func(s *types.Service) {
			state(progressing)(s)
			s.Deployments[0].RunningCount = 1
		}, nil, stays, "in progress"},
		{"a deployment of it is stuck", state(progressing), nil, moves, ""},
		{"a deployment of it is stuck beside an older one", func(s *types.Service) {
			state(progressing, completed)(s)
			s.Deployments[1].TaskDefinition, s.Deployments[1].RunningCount = aws.String(arnOf("app", 7)), 2
		}, nil, moves, ""},
		{"a blue/green deployment of it is stuck", func(s *types.Service) {
			state(progressing)(s)
			s.DeploymentConfiguration = &types.DeploymentConfiguration{Strategy: types.DeploymentStrategyBlueGreen}
		}, nil, stays, "in progress"},
		{"a linear deployment of it is stuck", func(s *types.Service) {
			state(progressing)(s)
			s.DeploymentConfiguration = &types.DeploymentConfiguration{Strategy: types.DeploymentStrategyLinear}
		}, nil, stays, "in progress"},
		{"a canary deployment of it is stuck", func(s *types.Service) {
			state(progressing)(s)
			s.DeploymentConfiguration = &types.DeploymentConfiguration{Strategy: types.DeploymentStrategyCanary}
		}, nil, stays, "in progress"},
		{"a strategy of later", func(s *types.Service) {
			state(progressing)(s)
			s.DeploymentConfiguration = &types.DeploymentConfiguration{Strategy: "ROULETTE"}
		}, nil, stays, "in progress"},
		{"blue/green, and nothing goes on", func(s *types.Service) {
			s.DeploymentConfiguration = &types.DeploymentConfiguration{Strategy: types.DeploymentStrategyBlueGreen}
		}, nil, moves, ""},
		{"a rolling deployment by its name", func(s *types.Service) {
			state(progressing)(s)
			s.DeploymentConfiguration = &types.DeploymentConfiguration{Strategy: types.DeploymentStrategyRolling}
		}, nil, moves, ""},
		{"a deployment of another revision goes on", func(s *types.Service) {
			state(completed, progressing)(s)
			s.Deployments[1].TaskDefinition = aws.String(arnOf("app", 7))
		}, nil, stays, "in progress"},
		{"two deployments", state(completed, completed), nil, stays, "in progress"},
		{"the circuit breaker has stopped one", state(failed), nil, stays, "has failed"},
		{"it is being rolled back", state(progressing, failed), nil, stays, "has failed"},
		{"it was rolled back", event("(service web) rolling back to deployment ecs-svc/1.", time.Hour), nil, stays, "rolled back"},
		{"it was rolled back before the registration", event("(service web) rolling back to deployment ecs-svc/1.", -time.Hour), nil, moves, ""},
		{"something else happened", event("(service web) has reached a steady state.", time.Hour), nil, moves, ""},
		{"a new kind of state", state("PAUSED"), nil, stays, "in progress"},
		{"no state, all running", func(s *types.Service) { s.Deployments[0].RolloutState = "" }, nil, moves, ""},
		{"no state, one pending", func(s *types.Service) {
			s.Deployments[0].RolloutState = ""
			s.Deployments[0].PendingCount = 1
		}, nil, stays, "in progress"},
		{"no state, one missing", func(s *types.Service) {
			s.Deployments[0].RolloutState = ""
			s.Deployments[0].RunningCount = 1
		}, nil, stays, "in progress"},
		{"scaled in to nothing", func(s *types.Service) { s.DesiredCount, s.RunningCount = 0, 0 }, nil, moves, ""},
		{"a daemon", func(s *types.Service) { s.SchedulingStrategy = types.SchedulingStrategyDaemon }, nil, moves, ""},
		{"on its way to deletion", func(s *types.Service) { s.Status = aws.String("DRAINING") }, nil, "", ""},
		{"on another revision", func(s *types.Service) { s.TaskDefinition = aws.String(arnOf("app", 7)) }, nil, "", ""},
		{"of another family", func(s *types.Service) { s.TaskDefinition = aws.String(arnOf("app-two", 1)) }, nil, "", ""},
		{"leaving the revision for another", func(s *types.Service) {
			state(progressing, completed)(s)
			s.TaskDefinition = aws.String(arnOf("app", 7))
		}, nil, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			service := running("prod", "web", arnOf("app", 1))
			test.change(&service)
			s := newServiceStack(service)
			if test.setting != nil {
				test.setting(&s.settings)
			}
			before := s.ecs.runs()
			want := []string{"credential-missing"}
			if test.code != "" {
				want = append(want, test.code)
			}
			status, after := finding.Remediated, before
			switch test.code {
			case stays:
				status = finding.Noncompliant
			case moves:
				after = "web=app:2"
			}
			result := s.look("app")
			wantResult(t, result, status, want...)
			if got := s.ecs.runs(); got != after {
				t.Errorf("got %s, want %s", got, after)
			}
			if last := result.Findings[len(result.Findings)-1].Message; !strings.Contains(last, test.why) || test.code != "" && !strings.Contains(last, "prod/web") {
				t.Errorf("the finding says %q, not %q", last, test.why)
			}
		})
	}
}

func TestServicesAreLeftAloneByDefault(t *testing.T) {
	s := newServiceStack(running("prod", "web", arnOf("app", 1)))
	s.settings.UpdateServices = false
	wantResult(t, s.look("app"), finding.Remediated, "credential-missing")
	s.look("app:1")
	if s.ecs.count("ListClusters") != 0 || s.ecs.runs() != "web=app:1" {
		t.Errorf("calls %v, services %s", s.ecs.calls, s.ecs.runs())
	}
}

func TestADefinitionThatNeedsNothingCostsNoLookForServices(t *testing.T) {
	s := newServiceStack(running("prod", "web", arnOf("public", 1)))
	s.ecs.add(registration("public", container("web", "nginx")))
	wantResult(t, s.look("public"), finding.Compliant)
	if !slices.Equal(s.ecs.calls, []string{"DescribeTaskDefinition"}) {
		t.Errorf("calls %v", s.ecs.calls)
	}
}

func TestADryRunMovesNothing(t *testing.T) {
	s := newServiceStack(running("prod", "web", arnOf("app", 1)))
	s.settings.Mode = finding.DryRun
	result := s.look("app")
	wantResult(t, result, finding.Planned, "credential-missing", "service-behind")
	if s.ecs.runs() != "web=app:1" || len(result.Actions) != 2 || result.Actions[1].Kind != "UpdateService" ||
		result.Actions[1].Summary != "move to the new revision: prod/web" {
		t.Errorf("services %s, actions %+v", s.ecs.runs(), result.Actions)
	}
}

func TestServicesOnAllPagesAreMovedOnce(t *testing.T) {
	s := newServiceStack()
	s.ecs.page = 7
	for i := range 60 {
		s.ecs.services = append(s.ecs.services, idle(fmt.Sprintf("cluster-%d", i%9), fmt.Sprintf("s%d", i), arnOf("app", 1)))
	}
	result := s.look("app:1")
	if result.Status != finding.Remediated || len(result.Findings) != 61 || strings.Count(s.ecs.runs(), "=app:2") != 60 {
		t.Fatalf("%s with %d findings: %s", result.Status, len(result.Findings), s.ecs.runs())
	}
	if !strings.Contains(result.Actions[1].Summary, "and 40 more") {
		t.Errorf("summary %q", result.Actions[1].Summary)
	}
	wantResult(t, s.look("app:1"), finding.Skipped, "revision-not-latest")
	wantResult(t, s.look("app"), finding.Compliant)
	if got := s.ecs.count("UpdateService"); got != 60 {
		t.Errorf("%d updates", got)
	}
}

func TestServicesBeyondTheBoundAreReported(t *testing.T) {
	s := newServiceStack()
	for i := range useBounds.Services + 5 {
		s.ecs.services = append(s.ecs.services, idle(fmt.Sprintf("cluster-%d", i%2), fmt.Sprintf("s%d", i), arnOf("other", 1)))
	}
	wantResult(t, s.look("app"), finding.Noncompliant, "credential-missing", "services-unchecked")
	if got := s.ecs.count("DescribeServices"); got > useBounds.Services/10+1 {
		t.Errorf("%d calls", got)
	}
	s = newServiceStack()
	for i := range useBounds.Clusters + 5 {
		s.ecs.services = append(s.ecs.services, idle(fmt.Sprintf("cluster-%d", i), "web", arnOf("other", 1)))
	}
	wantResult(t, s.look("app"), finding.Noncompliant, "credential-missing", "services-unchecked")
}

// failing makes the calls of one operation answer with an error, from the nth
// call on.
func (s *stack) failing(operation string, from int, err error) {
	count := 0
	s.ecs.before = func(called string) error {
		if !strings.HasPrefix(called, operation) {
			return nil
		}
		if count++; count < from {
			return nil
		}
		return err
	}
}

func TestARunThatIsCutOffIsFinished(t *testing.T) {
	throttled := &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}
	for _, again := range []string{"app:1", "app:2", "app"} {
		for _, operation := range []string{"UpdateService web", "UpdateService api", "DescribeServices"} {
			t.Run(operation+", then "+again, func(t *testing.T) {
				s := newServiceStack(idle("prod", "web", arnOf("app", 1)), idle("prod", "api", arnOf("app", 1)))
				from := 1
				if operation == "DescribeServices" {
					// The first one is the plan's.
					from = 2
				}
				s.failing(operation, from, throttled)
				if first := s.look("app:1"); first.Status != finding.Failed {
					t.Fatalf("first: %+v", first)
				}
				s.ecs.before = nil
				wantStatus := finding.Remediated
				if result := s.look(again); result.Status != wantStatus {
					t.Errorf("again: %+v", result)
				}
				if got := s.ecs.runs(); got != "web=app:2 api=app:2" || len(s.ecs.revisions["app"]) != 2 || s.ecs.count("UpdateService") != 2 {
					t.Errorf("services %s, %d revisions, calls %v", got, len(s.ecs.revisions["app"]), s.ecs.calls)
				}
			})
		}
	}
}

func TestOneServiceThatFailsDoesNotKeepTheOthers(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		status finding.Status
		code   string
	}{
		{"refused", &types.InvalidParameterException{Message: aws.String("The new capacity provider strategy is not compatible.")}, finding.Noncompliant, "service-not-moved"},
		{"denied", &types.AccessDeniedException{Message: aws.String("User is not authorized to perform: ecs:UpdateService")}, finding.Noncompliant, "access-denied"},
		{"deleted meanwhile", &types.ServiceNotFoundException{}, finding.Remediated, ""},
		{"its cluster deleted meanwhile", &types.ClusterNotFoundException{}, finding.Remediated, ""},
		{"being deleted", &types.ServiceNotActiveException{}, finding.Remediated, ""},
		{"throttled", &smithy.GenericAPIError{Code: "ThrottlingException"}, finding.Failed, "call-retried"},
		{"a fault of the server's", &types.ServerException{}, finding.Failed, "call-retried"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newServiceStack(idle("prod", "web", arnOf("app", 1)), idle("prod", "api", arnOf("app", 1)))
			s.failing("UpdateService web", 1, test.err)
			want := []string{"credential-missing", "service-behind", "service-behind"}
			if test.code != "" {
				want = append(want, test.code)
			}
			result := s.look("app")
			wantResult(t, result, test.status, want...)
			if missing := result.Findings[0]; missing.Severity != finding.Info || !strings.HasPrefix(missing.Message, "cured: ") {
				t.Errorf("the revision was registered, and the report says %+v", missing)
			}
			if got := s.ecs.runs(); got != "web=app:1 api=app:2" {
				t.Errorf("services %s", got)
			}
		})
	}
}

func TestServicesThatCannotBeSeenDoNotKeepTheCure(t *testing.T) {
	denied := &types.AccessDeniedException{Message: aws.String("not authorized")}
	for _, operation := range []string{"ListClusters", "ListServices", "DescribeServices"} {
		s := newServiceStack(running("prod", "web", arnOf("app", 1)))
		s.failing(operation, 1, denied)
		result := s.look("app")
		wantResult(t, result, finding.Noncompliant, "credential-missing", "services-unchecked")
		if len(s.ecs.revisions["app"]) != 2 || !strings.Contains(result.Findings[1].Message, "AccessDeniedException") {
			t.Errorf("%s: %+v", operation, result)
		}
		s = newServiceStack(running("prod", "web", arnOf("app", 1)))
		s.failing(operation, 1, &types.ServerException{})
		wantResult(t, s.look("app"), finding.Failed, "call-retried")
		if len(s.ecs.revisions["app"]) != 1 {
			t.Errorf("%s: registered before all was known", operation)
		}
	}
}

func TestAClusterThatIsDeletedMeanwhileHasNoServices(t *testing.T) {
	for _, operation := range []string{"ListServices", "DescribeServices"} {
		s := newServiceStack(running("prod", "web", arnOf("app", 1)))
		s.failing(operation, 1, &types.ClusterNotFoundException{})
		wantResult(t, s.look("app"), finding.Remediated, "credential-missing")
	}
}

func TestADeploymentThatBeginsMeanwhileIsLeftAlone(t *testing.T) {
	s := newServiceStack(running("prod", "web", arnOf("app", 1)))
	s.ecs.before = func(operation string) error {
		if operation == "RegisterTaskDefinition" {
			s.ecs.services[0].Deployments[0].RolloutState = types.DeploymentRolloutStateInProgress
		}
		return nil
	}
	wantResult(t, s.look("app:1"), finding.Failed, "credential-missing", "service-behind", "call-retried")
	wantResult(t, s.look("app:1"), finding.Noncompliant, "service-not-moved")
	if s.ecs.count("UpdateService") != 0 {
		t.Errorf("calls %v", s.ecs.calls)
	}
	// Once it is over, the next look moves the service.
	s.ecs.services[0].Deployments[0].RolloutState = types.DeploymentRolloutStateCompleted
	wantResult(t, s.look("app"), finding.Remediated, "service-behind")
}

// TestNoServiceIsMovedToWhatCannotStart: the tasks of the old revision may run
// on images that the instances have already.
func TestNoServiceIsMovedToWhatCannotStart(t *testing.T) {
	for _, asked := range []string{"app:1", "app"} {
		s := newServiceStack(running("prod", "web", arnOf("app", 1)))
		s.settings.CureExecutionRoles = false
		role := &fakeRole{trust: trustsECS}
		s.iam.roles["ecsTaskExecutionRole"] = role
		wantResult(t, s.look("app:1"), finding.Noncompliant, "credential-missing", "execution-role-secret", "service-not-moved")
		want := []string{"execution-role-secret", "service-not-moved"}
		if asked == "app:1" {
			want = want[1:]
		}
		wantResult(t, s.look(asked), finding.Noncompliant, want...)
		if s.ecs.count("UpdateService") != 0 {
			t.Errorf("%s: calls %v", asked, s.ecs.calls)
		}
		// Somebody allows it.
		role.may = []string{"* *"}
		s.now = s.now.Add(24 * time.Hour)
		wantResult(t, s.look(asked), finding.Remediated, "service-behind")
		if got := s.ecs.runs(); got != "web=app:2" {
			t.Errorf("%s: services %s", asked, got)
		}
	}
}

func TestAServiceIsMovedOnceTheRoleIsCured(t *testing.T) {
	s := newServiceStack(running("prod", "web", arnOf("app", 1)))
	s.iam.roles["ecsTaskExecutionRole"] = &fakeRole{trust: trustsECS}
	result := s.look("app")
	wantResult(t, result, finding.Remediated, "credential-missing", "execution-role-secret", "service-behind")
	var kinds []string
	for _, action := range result.Actions {
		kinds = append(kinds, action.Kind)
	}
	if !slices.Equal(kinds, []string{"PutResourcePolicy", "RegisterTaskDefinition", "UpdateService"}) {
		t.Errorf("actions %v", kinds)
	}
}

func TestAServiceThatIsMovedMeanwhileIsLeftAlone(t *testing.T) {
	s := newServiceStack(running("prod", "web", arnOf("app", 1)))
	s.ecs.before = func(operation string) error {
		if operation == "RegisterTaskDefinition" {
			s.ecs.services[0].TaskDefinition = aws.String(arnOf("other", 4))
		}
		return nil
	}
	s.look("app:1")
	if got := s.ecs.runs(); got != "web=other:4" || s.ecs.count("UpdateService") != 0 {
		t.Errorf("services %s, calls %v", got, s.ecs.calls)
	}
}

func TestAnOldRevisionThatTheLatestWasNotMadeFromCostsNoLook(t *testing.T) {
	s := newServiceStack(running("prod", "web", arnOf("app", 1)))
	s.ecs.add(registration("app", container("web", "registry.example.com/app:2")))
	s.look("app:2")
	s.ecs.calls = nil
	wantResult(t, s.look("app:1"), finding.Skipped, "revision-not-latest")
	if !slices.Equal(s.ecs.calls, []string{"DescribeTaskDefinition"}) {
		t.Errorf("calls %v", s.ecs.calls)
	}
}

// TestWhoseSuccessorsAreFollowed: only what we made ourselves takes services
// with it, and only where no one's revision lies in between.
func TestWhoseSuccessorsAreFollowed(t *testing.T) {
	credentialed := func(source int32) *ecs.RegisterTaskDefinitionInput {
		input := registration("app", withCredential(container("web", "registry.example.com/app"), secretARN("shop")))
		input.Tags = append(input.Tags, types.Tag{Key: aws.String(TagPatchedFrom), Value: aws.String(arnOf("app", source))})
		return input
	}
	us := strings.Replace(ourRole, ":iam:", ":sts:", 1)
	us = strings.Replace(us, ":role/", ":assumed-role/", 1) + "/patch"
	tests := []struct {
		name     string
		register func(*fakeECS)
		moved    string
	}{
		{"ours", func(f *fakeECS) { f.register(credentialed(1), us) }, "web=app:2"},
		{"somebody's with our tag", func(f *fakeECS) { f.add(credentialed(1)) }, "web=app:1"},
		{"ours, and then somebody's", func(f *fakeECS) {
			f.register(credentialed(1), us)
			f.add(credentialed(1))
		}, "web=app:1"},
		{"ours after a deregistered one", func(f *fakeECS) {
			f.add(credentialed(1))
			f.find("app:2").definition.Status = types.TaskDefinitionStatusInactive
			f.register(credentialed(1), us)
		}, "web=app:3"},
		{"ours after somebody's", func(f *fakeECS) {
			f.add(credentialed(1))
			f.register(credentialed(1), us)
		}, "web=app:1"},
		{"ours, made from another", func(f *fakeECS) {
			f.add(credentialed(1))
			f.register(credentialed(2), us)
		}, "web=app:1"},
		{"ours, of a tag from elsewhere", func(f *fakeECS) {
			input := credentialed(1)
			input.Tags[1].Value = aws.String(arnOf("other", 1))
			f.register(input, us)
		}, "web=app:1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newServiceStack(running("prod", "web", arnOf("app", 1)), running("prod", "stranger", arnOf("other", 1)))
			test.register(s.ecs)
			if result := s.look("app"); result.HasError() {
				t.Errorf("%+v", result)
			}
			if got, want := s.ecs.runs(), test.moved+" stranger=other:1"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// TestASecondPatchTakesAlongWhatTheFirstLeft: a service on the first revision
// goes straight to the third.
func TestASecondPatchTakesAlongWhatTheFirstLeft(t *testing.T) {
	s := newServiceStack(running("prod", "web", arnOf("app", 1)))
	s.ecs.services[0].Deployments[0].RolloutState = types.DeploymentRolloutStateInProgress
	wantResult(t, s.look("app"), finding.Noncompliant, "credential-missing", "service-not-moved")
	s.ecs.services[0].Deployments[0].RolloutState = types.DeploymentRolloutStateCompleted
	s.ecs.services = append(s.ecs.services, idle("prod", "api", arnOf("app", 2)))
	s.settings.ReplaceCredentials = true
	s.secrets.entries[0] = tagged("newer", "registry.example.com")
	s.now = s.now.Add(2 * secretsTTL)
	wantResult(t, s.look("app"), finding.Remediated, "credential-differs", "service-behind", "service-behind")
	if got := s.ecs.runs(); got != "web=app:3 api=app:3" {
		t.Errorf("services %s", got)
	}
}

// TestRunningServicesAreMovedOneAfterAnother: what is wrong with the new revision
// must not take all of them down.
func TestRunningServicesAreMovedOneAfterAnother(t *testing.T) {
	s := newServiceStack(running("prod", "web", arnOf("app", 1)), running("prod", "api", arnOf("app", 1)), idle("prod", "job", arnOf("app", 1)))
	wantResult(t, s.look("app"), finding.Remediated, "credential-missing", "service-behind", "service-waits", "service-behind")
	if got := s.ecs.runs(); got != "web=app:2 api=app:1 job=app:2" {
		t.Fatalf("services %s", got)
	}
	web := &s.ecs.services[0]
	web.Deployments[0].RolloutState, web.Deployments[0].TaskDefinition = types.DeploymentRolloutStateInProgress, web.TaskDefinition
	wantResult(t, s.look("app"), finding.Compliant, "service-waits")
	web.Deployments[0].RolloutState = types.DeploymentRolloutStateCompleted
	// The end of a deployment wakes the function.
	report := s.send(deploymentEnded("SERVICE_DEPLOYMENT_COMPLETED", aws.ToString(web.ServiceArn)))
	wantResult(t, report.Results[0], finding.Remediated, "service-behind")
	if got := s.ecs.runs(); got != "web=app:2 api=app:2 job=app:2" {
		t.Errorf("services %s", got)
	}
	wantResult(t, s.send(deploymentEnded("SERVICE_DEPLOYMENT_FAILED", aws.ToString(web.ServiceArn))).Results[0], finding.Skipped, "event-not-handled")
	wantResult(t, s.send(deploymentEnded("SERVICE_DEPLOYMENT_COMPLETED", "arn:aws:ecs:us-east-1:123456789012:service/prod/gone")).Results[0], finding.Skipped, "subject-gone")
}

func deploymentEnded(name, service string) string {
	return fmt.Sprintf(`{"source": "aws.ecs", "detail-type": "ECS Deployment State Change", "id": "1", "time": "2026-03-02T09:15:00Z", "region": "us-east-1", "account": "123456789012",
		"resources": [%q], "detail": {"eventType": "INFO", "eventName": %q, "deploymentId": "ecs-svc/1"}}`, service, name)
}

// TestTheInstancesMustHaveWhatTheRevisionAsksFor: an execution role makes ECS ask
// for more, and a revision that can be placed nowhere takes the service down.
func TestTheInstancesMustHaveWhatTheRevisionAsksFor(t *testing.T) {
	const private, awslogs = "ecs.capability.private-registry-authentication.secretsmanager", "ecs.capability.execution-role-awslogs"
	for name, test := range map[string]struct {
		attributes [][]string
		codes      string
	}{
		"all of them":    {[][]string{{private, awslogs}}, "credential-missing execution-role-missing service-behind"},
		"one of two":     {[][]string{{private}, {private, awslogs}}, "credential-missing execution-role-missing instance-attribute-missing service-behind"},
		"none of two":    {[][]string{{private}, {awslogs}}, "credential-missing execution-role-missing instance-attribute-missing service-not-moved"},
		"none are known": {[][]string{nil}, "credential-missing execution-role-missing service-behind"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServiceStack(running("prod", "web", arnOf("app", 1)))
			s.settings.ExecutionRoleARN = givenARN
			input := registration("app", container("web", "registry.example.com/app"))
			input.ExecutionRoleArn = nil
			input.ContainerDefinitions[0].LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "g"}}
			s.ecs.revisions = map[string][]kept{}
			s.ecs.add(input)
			s.ecs.agents = map[string][]string{}
			s.ecs.attributes = map[string][]string{}
			for i, attributes := range test.attributes {
				id := fmt.Sprintf("1.99.%d", i)
				s.ecs.agents[clusterARN("prod")] = append(s.ecs.agents[clusterARN("prod")], id)
				s.ecs.attributes[id] = attributes
			}
			result := s.look("app")
			if got := strings.Join(codes(result), " "); got != test.codes {
				t.Errorf("found %s\n%+v", got, result.Findings)
			}
			if moved := s.ecs.count("UpdateService") > 0; moved != strings.HasSuffix(test.codes, "service-behind") {
				t.Errorf("moved: %v", moved)
			}
		})
	}
}

// TestOnlyTheInstancesBehindAServiceCount: those of other capacity providers, or of
// another launch type, get no task of it.
func TestOnlyTheInstancesBehindAServiceCount(t *testing.T) {
	const private = "ecs.capability.private-registry-authentication.secretsmanager"
	provider := func(name string) func(*types.Service) {
		return func(s *types.Service) {
			s.CapacityProviderStrategy = []types.CapacityProviderStrategyItem{{CapacityProvider: &name}}
		}
	}
	launchType := func(of types.LaunchType) func(*types.Service) {
		return func(s *types.Service) { s.LaunchType = of }
	}
	for name, test := range map[string]struct {
		service func(*types.Service)
		codes   string
	}{
		"any":                          {func(*types.Service) {}, "credential-missing instance-attribute-missing service-behind"},
		"those that can":               {provider("new"), "credential-missing service-behind"},
		"those that can't":             {provider("old"), "credential-missing instance-attribute-missing service-not-moved"},
		"a provider without instances": {provider("asleep"), "credential-missing service-behind"},
		"those of EC2":                 {launchType(types.LaunchTypeEc2), "credential-missing instance-attribute-missing service-behind"},
		"external ones, which can't":   {launchType(types.LaunchTypeExternal), "credential-missing instance-attribute-missing service-not-moved"},
	} {
		t.Run(name, func(t *testing.T) {
			service := running("prod", "web", arnOf("app", 1))
			test.service(&service)
			s := newServiceStack(service)
			s.ecs.agents = map[string][]string{clusterARN("prod"): {"1.99.0", "1.99.1", "1.99.2"}}
			s.ecs.attributes = map[string][]string{"1.99.0": {private}, "1.99.1": {"ecs.capability.task-eni"}, "1.99.2": {"ecs.capability.external"}}
			s.ecs.providers = map[string]string{"1.99.0": "new", "1.99.1": "old"}
			result := s.look("app")
			if got := strings.Join(codes(result), " "); got != test.codes {
				t.Errorf("found %s\n%+v", got, result.Findings)
			}
			if moved := s.ecs.count("UpdateService") > 0; moved != strings.HasSuffix(test.codes, "service-behind") {
				t.Errorf("moved: %v", moved)
			}
		})
	}
}
