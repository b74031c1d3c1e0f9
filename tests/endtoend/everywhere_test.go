package endtoend

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/securityhub"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// chatMessage is a custom notification of Amazon Q Developer in chat applications.
type chatMessage struct {
	Version, Source string
	Content         struct{ Title, Description string }
	Metadata        struct{ ThreadID string }
}

// testOneProblemEverywhere: a mail, a chat message and a Security Hub finding have
// one id, and all three say so when the problem is over.
func testOneProblemEverywhere(ctx context.Context, t *testing.T, o *operator.Operator, mail, chat *operator.Inbox) {
	const key = "everywhere/ecs.config"
	must(o.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("everywhere")}))(t)
	bucket := o.Stack.Outputs["ConfigBucket"]
	id := regexp.MustCompile(`ID: ([0-9a-f]{16}\.[a-z0-9-]+)`)
	// about waits for the messages about the file, and gives the id that both have.
	about := func(opening string) string {
		t.Helper()
		var found string
		if err := stack.Wait(ctx, "mail and chat beginning with "+opening, func(ctx context.Context) (bool, error) {
			mails, err := mail.Messages(ctx)
			if err != nil {
				return false, err
			}
			chats, err := chat.Messages(ctx)
			if err != nil {
				return false, err
			}
			beginning := "ECS Guardrails: " + opening
			at := slices.IndexFunc(mails, func(text string) bool { return strings.HasPrefix(text, beginning) && strings.Contains(text, key) })
			if at < 0 {
				return false, nil
			}
			match := id.FindStringSubmatch(mails[at])
			if match == nil {
				return false, fmt.Errorf("the mail has no id: %s", mails[at])
			}
			found = match[1]
			return slices.ContainsFunc(chats, func(text string) bool {
				var message chatMessage
				return json.Unmarshal([]byte(text), &message) == nil && message.Version == "1.0" && message.Source == "custom" &&
					strings.HasPrefix(message.Content.Title, beginning) && strings.Contains(message.Content.Description, "ID: "+found) &&
					strings.HasPrefix(found, message.Metadata.ThreadID+".")
			}), nil
		}); err != nil {
			t.Fatal(err)
		}
		return found
	}
	inHub := func(id, state string) {
		t.Helper()
		if err := stack.Wait(ctx, "Security Hub having "+id+" "+state, func(context.Context) (bool, error) {
			return slices.ContainsFunc(o.Stack.SecurityHub.Findings(), func(f securityhub.Finding) bool {
				return f.ID == id && f.RecordState == state && f.Resources[0].ID == "arn:aws:s3:::"+bucket+"/"+key
			}), nil
		}); err != nil {
			t.Fatalf("%v; Security Hub has %+v", err, o.Stack.SecurityHub.Findings())
		}
	}

	must(o.Upload(ctx, bucket, key, "ECS_CLUSTER=everywhere\nECS_ENGINE_AUTH_TYPE=docker\n"))(t)
	told := about("needs you")
	inHub(told, "ACTIVE")
	must(o.Upload(ctx, bucket, key, "ECS_CLUSTER=everywhere\n"))(t)
	if resolved := about("resolved"); resolved != told {
		t.Errorf("resolved is %s, told was %s", resolved, told)
	}
	inHub(told, "ARCHIVED")
}
