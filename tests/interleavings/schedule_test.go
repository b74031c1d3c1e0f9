package interleavings

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
)

// tags is a delivery that tags roles, one call for each.
func tags(names ...string) Delivery {
	return inIAM(func(ctx context.Context, client *iam.Client) error {
		for _, name := range names {
			if _, err := client.UntagRole(ctx, &iam.UntagRoleInput{RoleName: aws.String(name), TagKeys: []string{"a"}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// reads is a delivery that reads a role several times.
func reads(name string, times int) Delivery {
	return inIAM(func(ctx context.Context, client *iam.Client) error {
		for range times {
			if _, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestEveryOrderIsTriedOnce counts the orders of small pairs, of which it is known
// how many there are.
func TestEveryOrderIsTriedOnce(t *testing.T) {
	arrange := func() *Account {
		account := newAccount()
		account.iam.add("one", "ec2.amazonaws.com", nil)
		account.iam.add("other", "ec2.amazonaws.com", nil)
		return account
	}
	for name, test := range map[string]struct {
		first, second Delivery
		orders        int
	}{
		"two writes each":               {tags("one", "one"), tags("one", "one"), 6},
		"three writes each":             {tags("one", "one", "one"), tags("one", "one", "one"), 20},
		"writes to different things":    {tags("one", "one"), tags("other", "other"), 1},
		"reads alone":                   {reads("one", 3), reads("one", 3), 1},
		"a write among three reads":     {reads("one", 3), tags("one"), 4},
		"one of two writes is of both":  {tags("one", "other"), tags("other"), 2},
		"two writes in opposite orders": {tags("one", "other"), tags("other", "one"), 3},
	} {
		t.Run(name, func(t *testing.T) {
			pair := Pair{Name: name, Arrange: arrange, Deliveries: [2]Delivery{test.first, test.second}, State: func(*Account) []string { return nil }}
			if result := pair.Explore(t, Limits{Orders: 1000}); result.Orders != test.orders || !result.Complete {
				t.Errorf("%d orders, want %d: %+v", result.Orders, test.orders, result)
			}
		})
	}
}

// TestSearchEndsWhereDetailsChange runs reads that differ each time, as those with
// a new credential do: they are the same call of an order all the same.
func TestSearchEndsWhereDetailsChange(t *testing.T) {
	runs := 0
	arrange := func() *Account {
		if runs++; runs > 1000 {
			panic("the same orders are tried again and again")
		}
		account := newAccount()
		account.objects.put("numbers", "count", "", nil)
		return account
	}
	reads := func(ctx context.Context, clients *Clients) error {
		for range 2 {
			input := &s3.GetObjectInput{Bucket: aws.String("numbers"), Key: aws.String("count"), ExpectedBucketOwner: aws.String(fmt.Sprint(runs))}
			if _, err := s3client.New(clients.AWS).GetObject(ctx, input); err != nil {
				return err
			}
		}
		return nil
	}
	writes := func(ctx context.Context, clients *Clients) error {
		_, err := s3client.New(clients.AWS).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("numbers"), Key: aws.String("count"), Body: strings.NewReader("1")})
		return err
	}
	pair := Pair{Name: "reads beside a write", Arrange: arrange, Deliveries: [2]Delivery{reads, writes}, State: func(*Account) []string { return nil }}
	for _, limits := range []Limits{{Orders: 1000}, {Switches: 2}} {
		if result := pair.Explore(t, limits); result.Orders != 3 {
			t.Errorf("%d orders of %+v", result.Orders, limits)
		}
	}
}

// counts reads a number from an object and writes the next one, with or without
// the condition that no one wrote meanwhile.
func counts(guarded bool) Delivery {
	return func(ctx context.Context, clients *Clients) error {
		client := s3client.New(clients.AWS)
		for {
			got, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("numbers"), Key: aws.String("count")})
			if err != nil {
				return err
			}
			content, err := io.ReadAll(got.Body)
			if err != nil {
				return err
			}
			input := &s3.PutObjectInput{Bucket: got.ContentType, Key: aws.String("count"), Body: strings.NewReader(string(content) + "1")}
			input.Bucket = aws.String("numbers")
			if guarded {
				input.IfMatch = got.ETag
			}
			if _, err = client.PutObject(ctx, input); !awserror.HasCode(err, "PreconditionFailed") {
				return err
			}
		}
	}
}

// TestPlantedRaceIsSeen runs a change that loses an update, and the same change
// with its guard.
func TestPlantedRaceIsSeen(t *testing.T) {
	for _, guarded := range []bool{false, true} {
		t.Run(fmt.Sprintf("guarded %t", guarded), func(t *testing.T) {
			pair := Pair{
				Name: "two counters",
				Arrange: func() *Account {
					account := newAccount()
					account.objects.put("numbers", "count", "", nil)
					return account
				},
				Deliveries: [2]Delivery{counts(guarded), counts(guarded)},
				State:      func(account *Account) []string { return []string{account.objects.top("numbers/count").content} },
			}
			for _, limits := range []Limits{{Orders: 1000}, {Switches: 1}} {
				result := pair.Explore(t, limits)
				if seen := len(result.Differences) > 0; seen == guarded {
					t.Errorf("differences %q in %d orders", result.Differences, result.Orders)
				}
			}
		})
	}
}

// TestPlantedOrphanIsSeen mints a token where there is none, without a look at
// whether another run kept one meanwhile.
func TestPlantedOrphanIsSeen(t *testing.T) {
	mint := func(ctx context.Context, clients *Clients) error {
		account := clients.account
		if _, err := iam.NewFromConfig(clients.AWS).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("kept")}); err == nil {
			return nil
		}
		account.tokens.Add(registrytest.Token{ID: fmt.Sprint(len(account.tokens.Live())), Name: "ecs-guardrails-token", Secret: fmt.Sprint(len(account.tokens.Live()))})
		if _, err := iam.NewFromConfig(clients.AWS).TagRole(ctx, &iam.TagRoleInput{RoleName: aws.String("other")}); err != nil {
			return err
		}
		account.iam.add("kept", "ec2.amazonaws.com", nil)
		return nil
	}
	pair := Pair{
		Name: "two mints",
		Arrange: func() *Account {
			account := newAccount()
			account.iam.add("other", "ec2.amazonaws.com", nil)
			account.tokens = &registrytest.Tokens{}
			return account
		},
		Deliveries: [2]Delivery{mint, mint},
		State:      func(*Account) []string { return nil },
		Orphans: func(account *Account) []string {
			if len(account.tokens.Live()) > 1 {
				return []string{"a token works that no version keeps"}
			}
			return nil
		},
	}
	if result := pair.Explore(t, Limits{Switches: 1}); len(result.Orphans) != 1 {
		t.Errorf("orphans %q in %d orders", result.Orphans, result.Orders)
	}
}
