package interleavings

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

const (
	configBucket = "acme-ecs-config"
	configKey    = "prod/ecs.config"
	goodConfig   = "ECS_CLUSTER=storefront\nECS_ENABLE_TASK_IAM_ROLE=true\n"
	badConfig    = "ECS_CLUSTER=storefront\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"registry.example.com\":{\"auth\":\"cHVsbGVyOnA=\"}}\n"
)

// validateConfig delivers an event to validate-config.
func validateConfig(event string) Delivery {
	return func(ctx context.Context, clients *Clients) error {
		function := configobject.New(settingsOf[configobject.Settings]("validate-config", "ON_INVALID=restore"), configobject.Clients{
			Storage: s3client.New(clients.AWS), Clusters: ecs.NewFromConfig(clients.AWS), Roles: iam.NewFromConfig(clients.AWS),
			Account: configbucket.NewAccountClient(clients.AWS), Identity: sts.NewFromConfig(clients.AWS),
			Registries: registry.WithTransport(clients.Registries), Region: region,
		}, now)
		return handle(ctx, function, event)
	}
}

// uploaded is S3's notification of a version.
func uploaded(key, id string) string {
	return sample("ecs-config-uploaded.json", "prod+blue/ecs.config", key, "3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY", id)
}

// uploads is what a person puts in the place of the file.
func uploads(content string) Delivery {
	return func(ctx context.Context, clients *Clients) error {
		_, err := s3client.New(clients.AWS).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(configBucket), Key: aws.String(configKey), Body: strings.NewReader(content)})
		return err
	}
}

// versions has the file with these contents, the oldest first, v1 and so on.
func versions(contents ...string) func() *Account {
	return func() *Account {
		account := newAccount()
		for _, content := range contents {
			account.objects.put(configBucket, configKey, content, nil)
		}
		return account
	}
}

// judgeAll delivers the event of each version that came meanwhile, as S3 does.
func judgeAll(ctx context.Context, clients *Clients) error {
	for done := 0; done < len(clients.account.objects.versions[configBucket+"/"+configKey]); done++ {
		id := clients.account.objects.versions[configBucket+"/"+configKey][done].id
		if err := validateConfig(uploaded(configKey, id))(ctx, clients); err != nil {
			return err
		}
	}
	return nil
}

func filePairs() []Pair {
	state := func(account *Account) []string {
		return account.objects.describe(func(content string) string {
			switch content {
			case goodConfig:
				return "what is right"
			case badConfig:
				return "what is wrong"
			}
			return content
		})
	}
	// How many versions there are depends on who came first; what counts is what
	// instances read, and that each version has its verdict.
	onTop := func(account *Account) []string {
		all := account.objects.versions[configBucket+"/"+configKey]
		lines := []string{"on top is " + all[len(all)-1].content}
		for _, stored := range all {
			if stored.tags["ecs-config-status"] == "" {
				lines = append(lines, "a version has no verdict")
			}
		}
		return lines
	}
	pair := func(name string, arrange func() *Account, first, second Delivery) Pair {
		return Pair{Name: "validate-config: " + name, Arrange: arrange, Deliveries: [2]Delivery{first, second}, State: state}
	}
	two := pair("two uploads of one file", versions(goodConfig, badConfig, badConfig+"#\n"), validateConfig(uploaded(configKey, "v2")), validateConfig(uploaded(configKey, "v3")))
	two.State, two.After = onTop, judgeAll
	meanwhile := pair("an upload during a restoration", versions(goodConfig, badConfig), validateConfig(uploaded(configKey, "v2")), uploads(goodConfig+"# mended\n"))
	meanwhile.State, meanwhile.After = onTop, judgeAll
	return []Pair{
		pair("the same upload twice", versions(goodConfig, badConfig), validateConfig(uploaded(configKey, "v2")), validateConfig(uploaded(configKey, "v2"))),
		two, meanwhile,
	}
}
