package interleavings

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

const (
	executionRole = "ecsTaskExecutionRole"
	otherRole     = "shopExecutionRole"
	privateImage  = "registry.example.com/shop/storefront:1.42.0"
	pullSecret    = "prod/registry"
)

// patchTaskDefinition delivers an event to patch-task-definition.
func patchTaskDefinition(event string) Delivery {
	return func(ctx context.Context, clients *Clients) error {
		settings := settingsOf[taskdef.Settings]("patch-task-definition", "CURE_EXECUTION_ROLES=yes", "REGISTRY_SECRET_PATTERN=prod/*")
		containers := ecs.NewFromConfig(clients.AWS)
		function := taskdef.New(settings, taskdef.Clients{
			Containers: containers, Rules: eventbridge.NewFromConfig(clients.AWS), Schedules: scheduler.NewFromConfig(clients.AWS),
			Secrets: secretsmanager.NewFromConfig(clients.AWS), Roles: iam.NewFromConfig(clients.AWS), Storage: s3client.New(clients.AWS),
			Images: registry.NewAsker(registry.WithTransport(clients.Registries), now, 0), Region: region,
		}, now)
		return handle(ctx, function, event)
	}
}

// definition is one as a person registers it.
func definition(family, role, image string) *ecs.RegisterTaskDefinitionInput {
	return &ecs.RegisterTaskDefinitionInput{
		Family: aws.String(family), ExecutionRoleArn: aws.String(roleARN(role)),
		ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("web"), Image: aws.String(image), Memory: aws.Int32(512), Essential: aws.Bool(true)}},
	}
}

// privateImages has a registry that asks for a credential, the secret with it,
// and the definitions.
func privateImages(definitions ...*ecs.RegisterTaskDefinitionInput) func() *Account {
	return func() *Account {
		account := newAccount()
		account.Network.Hosts["https://registry.example.com"] = &registrytest.Distribution{
			Accepts: func(username, password string) bool { return username == "puller" && password == "p" },
			Images:  map[string]bool{"shop/storefront:1.42.0": true, "shop/storefront:1.43.0": true},
		}
		for _, role := range []string{executionRole, otherRole} {
			account.iam.add(role, "ecs-tasks.amazonaws.com", nil)
		}
		account.secrets.others = []*secret{{
			name: pullSecret, value: `{"username":"puller","password":"p"}`,
			tags: map[string]string{"ecs-guardrails:registry": "registry.example.com", "ecs-guardrails:pull-roles": "*"},
		}}
		for _, input := range definitions {
			account.ecs.register(input, "arn:aws:sts::"+accountNumber+":assumed-role/deployer/deploy")
		}
		return account
	}
}

// registration is CloudTrail's event of a revision.
func registration(family, number string) string {
	return queued(sample("register-task-definition.json", `"family": "storefront"`, `"family": "`+family+`"`, "task-definition/storefront:17", "task-definition/"+family+":"+number), 1)
}

func definitionPairs() []Pair {
	state := func(account *Account) []string {
		lines := account.ecs.describe()
		for _, name := range []string{executionRole, otherRole} {
			lines = append(lines, account.iam.roles[name].describe()...)
		}
		granted, _ := taskdef.GrantedRoles(account.secrets.others[0].policy)
		return append(lines, "the secret's policy lets in "+strings.Join(granted, ", "))
	}
	pair := func(name string, arrange func() *Account, first, second Delivery) Pair {
		return Pair{Name: "patch-task-definition: " + name, Arrange: arrange, Deliveries: [2]Delivery{first, second}, State: state}
	}
	one := definition("storefront", executionRole, privateImage)
	newer := definition("storefront", executionRole, strings.Replace(privateImage, "1.42.0", "1.43.0", 1))
	registered := func(ctx context.Context, clients *Clients) error {
		_, err := ecs.NewFromConfig(clients.AWS).RegisterTaskDefinition(ctx, newer)
		return err
	}
	first := patchTaskDefinition(registration("storefront", "1"))
	latest := func(account *Account) []string {
		// Which numbers the revisions have depends on who came first; what counts is
		// what a service or a person gets who asks for the family.
		found := account.ecs.find("storefront")
		lines := []string{"the latest has the image " + aws.ToString(found.definition.ContainerDefinitions[0].Image) + " and the credential " + credentialOf(found)}
		var active []string
		for _, of := range account.ecs.revisions["storefront"] {
			if of.definition.Status == types.TaskDefinitionStatusActive {
				active = append(active, aws.ToString(of.definition.ContainerDefinitions[0].Image)+" with "+credentialOf(of))
			}
		}
		slices.Sort(active)
		return append(append(lines, "active: "+strings.Join(active, ", ")), state(account)[len(account.ecs.describe()):]...)
	}
	same := pair("the same registration twice", privateImages(one), first, first)
	same.State = latest
	two := pair("two registrations of a family", privateImages(one, newer), first, patchTaskDefinition(registration("storefront", "2")))
	two.State = latest
	meanwhile := pair("a person registers meanwhile", privateImages(one), first, registered)
	meanwhile.State = latest
	// The event of the person's own revision follows.
	meanwhile.After = patchTaskDefinition(`{"taskDefinition":"storefront"}`)
	return []Pair{
		same, two, meanwhile,
		pair("two families, one secret", privateImages(one, definition("shop", otherRole, privateImage)), first, patchTaskDefinition(registration("shop", "1"))),
	}
}

func credentialOf(of *registered) string {
	if credentials := of.definition.ContainerDefinitions[0].RepositoryCredentials; credentials != nil {
		return aws.ToString(credentials.CredentialsParameter)
	}
	return "none"
}
