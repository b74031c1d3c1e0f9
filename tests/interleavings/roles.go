package interleavings

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/ecs-guardrails/ecs-guardrails/shared/instancerole"
)

const (
	instanceRole = "ecsInstanceRole-web"
	agentPolicy  = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
	ssmPolicy    = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
)

// attachPolicies delivers an event to attach-policies.
func attachPolicies(event string) Delivery {
	return func(ctx context.Context, clients *Clients) error {
		function := instancerole.New(settingsOf[instancerole.Settings]("attach-policies", "CAPABILITIES=agent,ssm"), instancerole.Clients{
			Roles: iam.NewFromConfig(clients.AWS), Instances: ec2.NewFromConfig(clients.AWS), Providers: ecs.NewFromConfig(clients.AWS), Region: region,
		}, now)
		return handle(ctx, function, event)
	}
}

// inIAM is a change that a person makes.
func inIAM(change func(context.Context, *iam.Client) error) Delivery {
	return func(ctx context.Context, clients *Clients) error { return change(ctx, iam.NewFromConfig(clients.AWS)) }
}

func bareRole() *Account {
	account := newAccount()
	account.iam.add(instanceRole, "ec2.amazonaws.com", map[string]string{"ecs-guardrails:capabilities": "agent ssm"})
	return account
}

// curedRole has its policies as a loan.
func curedRole() *Account {
	account := bareRole()
	if err := attachPolicies(created())(context.Background(), account.clients(0, openGate())); err != nil {
		panic(err)
	}
	return account
}

// robbedRole is one that somebody took the agent's policy off, who didn't create
// it: the function attaches it again. With the event of ofOwner, its creator did.
func robbedRole() *Account { return robbedAfter(10 * time.Minute) }

// robbedAtOnce is a role that loses the policy before a run could tell whether another
// one is still attaching it.
func robbedAtOnce() *Account { return robbedAfter(time.Second) }

func robbedAfter(pause time.Duration) *Account {
	account := curedRole()
	time.Sleep(pause)
	if _, err := account.iam.DetachRolePolicy(context.Background(), &iam.DetachRolePolicyInput{RoleName: aws.String(instanceRole), PolicyArn: aws.String(agentPolicy)}); err != nil {
		panic(err)
	}
	return account
}

// ofOwner is the event of the detachment if the role's creator made it, and swept a
// look that may come before.
func ofOwner() string { return ofOwnerAt(now().Add(-5 * time.Minute)) }

func ofOwnerAt(at time.Time) string {
	return queued(sample("detach-role-policy.json", "2025-11-21T09:06:07Z", at.Format(time.RFC3339)), 1)
}
func swept() string { return queued(`{"roles":["`+instanceRole+`"],"sweep":"s.1.0"}`, 1) }

// later delivers an event that is written when it is delivered.
func later(event func() string) Delivery {
	return func(ctx context.Context, clients *Clients) error { return attachPolicies(event())(ctx, clients) }
}

func created() string { return queued(sample("create-role.json"), 1) }
func detached() string {
	return queued(sample("detach-role-policy.json", "platform-engineer", "somebody-else", "2025-11-21T09:06:07Z", now().Add(-5*time.Minute).Format(time.RFC3339)), 1)
}
func undone() string { return sample("undo-role.json") }
func named() string  { return sample("look-at-role.json") }

// unlike is what serial runs differ in, too: the event of a role's creation alone
// tells who created it.
var unlike = regexp.MustCompile(` creator=[0-9a-f]+`)

func rolePairs() []Pair {
	state := func(account *Account) []string {
		lines := account.iam.roles[instanceRole].describe()
		for index := range lines {
			lines[index] = unlike.ReplaceAllString(lines[index], "")
		}
		return lines
	}
	pair := func(name string, arrange func() *Account, first, second Delivery) Pair {
		return Pair{Name: "attach-policies: " + name, Arrange: arrange, Deliveries: [2]Delivery{first, second}, State: state}
	}
	// What the owner detached stays off, whichever comes first.
	overruled := func(account *Account) []string {
		if slices.Contains(account.iam.roles[instanceRole].attached, agentPolicy) {
			return []string{agentPolicy + ", which the owner detached"}
		}
		return nil
	}
	ownersWord := pair("a sweep beside the event of the owner's detachment", robbedRole, attachPolicies(swept()), later(ofOwner))
	ownersWord.Orphans = overruled
	atOnce := pair("a sweep beside that event, seconds after the loan", robbedAtOnce, attachPolicies(swept()), attachPolicies(ofOwnerAt(start.Add(time.Second))))
	atOnce.Orphans = overruled
	attachedByOwner := inIAM(func(ctx context.Context, client *iam.Client) error {
		_, err := client.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String(instanceRole), PolicyArn: aws.String(ssmPolicy)})
		return err
	})
	return []Pair{
		pair("the same CreateRole twice", bareRole, attachPolicies(created()), attachPolicies(created())),
		pair("two attachments of one role", bareRole, attachPolicies(created()), attachPolicies(named())),
		pair("a heal during an undo", robbedRole, later(detached), attachPolicies(undone())),
		pair("an attachment during an undo", curedRole, attachPolicies(created()), attachPolicies(undone())),
		pair("a first attachment during an undo", bareRole, attachPolicies(created()), attachPolicies(undone())),
		pair("the same undo twice", curedRole, attachPolicies(undone()), attachPolicies(undone())),
		pair("the same heal twice", robbedRole, later(detached), later(detached)),
		ownersWord,
		atOnce,
		pair("a sweep beside an undo, after a detachment", robbedRole, attachPolicies(swept()), attachPolicies(undone())),
		pair("a sweep beside a heal", robbedRole, attachPolicies(swept()), later(detached)),
		pair("the owner attaches meanwhile", bareRole, attachPolicies(created()), attachedByOwner),
	}
}
