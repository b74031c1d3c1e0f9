package secondemulator

import (
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/bucketpolicy"
	"github.com/ecs-guardrails/ecs-guardrails/tests/ecsimage"
	"github.com/ecs-guardrails/ecs-guardrails/tests/emulator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
	"github.com/ecs-guardrails/ecs-guardrails/tests/managedpolicy"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/policysimulation"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

var against = flag.Bool("moto", false, "install moto and run against it, as make second-emulator does")

// front serves an emulator, with supplements for what it lacks.
func front(t *testing.T, behind *url.URL, supplements map[string]endpoint.Supplement) string {
	t.Helper()
	listening, err := endpoint.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listening.Close() })
	listening.Serve(behind, endpoint.Options{Record: awscall.NewRecord(io.Discard), Logger: slog.New(slog.DiscardHandler), Supplements: supplements})
	return listening.URL.String()
}

// lacking are the operations that an emulator lacks or answers otherwise than AWS,
// with what answers them here.
func lacking(name string, behind *url.URL) map[string]endpoint.Supplement {
	config := configuration(behind.String())
	simulation, buckets := &policysimulation.Service{IAM: iam.NewFromConfig(config)}, &bucketpolicy.Service{S3: s3.NewFromConfig(config, func(options *s3.Options) { options.UsePathStyle = true })}
	if name == "moto" {
		return map[string]endpoint.Supplement{
			"iam:SimulatePrincipalPolicy": simulation.Answer,
			// Status 500 where no provider is named; AWS describes all then (ECS API
			// Reference, DescribeCapacityProviders, capacityProviders).
			"ecs:DescribeCapacityProviders": func(writer http.ResponseWriter, _ *http.Request, _ awscall.Exchange) bool {
				endpoint.WriteJSON(writer, map[string]any{"capacityProviders": []any{}, "failures": []any{}})
				return true
			},
		}
	}
	return map[string]endpoint.Supplement{
		"iam:SimulatePrincipalPolicy": simulation.Answer, "s3:GetBucketPolicyStatus": buckets.Answer, "s3:GetAccountPublicAccessBlock": bucketpolicy.AnswerAccount,
	}
}

// accounts starts both emulators.
func accounts(t *testing.T) []*account {
	t.Helper()
	checkout, err := stack.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	programs := build(t, checkout, folder)
	moto, err := StartMoto(t.Context(), checkout, folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(moto.Stop)
	python, err := toolchain.Install(t.Context(), checkout, toolchain.Emulator, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	managed, err := managedpolicy.Documents()
	if err != nil {
		t.Fatal(err)
	}
	parameters, err := ecsimage.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	ministack, err := emulator.Start(t.Context(), emulator.Options{
		Python: filepath.Join(python, "python"), Folder: folder, Log: filepath.Join(folder, "ministack.log"), Endpoint: "http://127.0.0.1:1",
		Account: stack.Account, Region: stack.Region, Provided: emulator.Provided{ManagedPolicies: managed, Images: ecsimage.Images, Parameters: parameters},
		Internal: func(awscall.Internal) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ministack.Stop() })
	var both []*account
	for name, behind := range map[string]*url.URL{"moto": moto.URL, "MiniStack": ministack.URL} {
		address := front(t, behind, lacking(name, behind))
		both = append(both, &account{Operator: operator.With(nil, configuration(address)), name: name, endpoint: address, programs: programs})
	}
	return both
}

// TestSecondEmulator plays each scenario on both emulators. Each leads to what AWS
// would, or to a deviation that is known and whose cause is the emulator.
func TestSecondEmulator(t *testing.T) {
	if !*against {
		t.Skip("make second-emulator installs moto and runs this")
	}
	facts, deviations := 0, 0
	for _, account := range accounts(t) {
		t.Run(account.name, func(t *testing.T) {
			for _, scenario := range scenarios {
				t.Run(scenario.name, func(t *testing.T) {
					want := scenario.want
					if differs, deviates := scenario.differs[account.name]; deviates {
						deviations++
						want = differs.lines
						t.Log(differs.reason)
					}
					got := scenario.play(t, account)
					facts += len(got)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("(-want +got) %s", diff)
					}
				})
			}
		})
	}
	t.Logf("%d scenarios on two emulators: %d facts, %d known deviations of an emulator from AWS", len(scenarios), facts, deviations)
}
