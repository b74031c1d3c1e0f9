package replay

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

func configuration(endpoint string) aws.Config {
	return aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), RetryMaxAttempts: 1}
}

// account answers GetRole and PutObjectTagging, and counts what it is asked.
func account(t *testing.T, asked *int) string {
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		*asked++
		if request.Method == http.MethodPost {
			_, _ = writer.Write([]byte(`<GetRoleResponse><GetRoleResult><Role><RoleName>answer-` + strconv.Itoa(*asked) + `</RoleName></Role></GetRoleResult></GetRoleResponse>`))
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func role(ctx context.Context, endpoint, name string) (string, error) {
	output, err := iam.NewFromConfig(configuration(endpoint)).GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return "", err
	}
	return aws.ToString(output.Role.RoleName), nil
}

func tag(ctx context.Context, endpoint string) error {
	client := s3.NewFromConfig(configuration(endpoint), func(options *s3.Options) { options.UsePathStyle = true })
	_, err := client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{
		Bucket: aws.String("bucket"), Key: aws.String("a/b"), Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}},
	})
	return err
}

// recordThree records GetRole of two roles and PutObjectTagging.
func recordThree(t *testing.T) []Call {
	t.Helper()
	asked := 0
	recorder, err := Record(account(t, &asked), strings.NewReplacer("answer", "renamed-answer"))
	if err != nil {
		t.Fatal(err)
	}
	defer recorder.Close()
	for _, name := range []string{"first", "second"} {
		if _, err := role(t.Context(), recorder.URL, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := tag(t.Context(), recorder.URL); err != nil {
		t.Fatal(err)
	}
	calls, err := recorder.Calls()
	if err != nil || asked != 3 {
		t.Fatalf("%d calls arrived: %v", asked, err)
	}
	return calls
}

func TestWhatWasRecordedIsPlayed(t *testing.T) {
	calls := recordThree(t)
	var names []string
	for _, call := range calls {
		names = append(names, call.Name())
	}
	if !reflect.DeepEqual(names, []string{"iam:GetRole", "iam:GetRole", "s3:PutObjectTagging"}) {
		t.Fatalf("recorded %q", names)
	}
	if got, want := string(canonical(calls[2].Parameters)), `{"Bucket":"bucket","Key":"a/b","Tagging":{"TagSet":[{"Key":"k","Value":"v"}]}}`; got != want {
		t.Errorf("recorded the parameters %s, want %s", got, want)
	}

	player, err := Play(calls)
	if err != nil {
		t.Fatal(err)
	}
	defer player.Close()
	for range 2 {
		player.Begin(Quickly)
		// In the other order: parameters choose the answer.
		for _, test := range [][2]string{{"second", "renamed-answer-2"}, {"unknown", "renamed-answer-1"}} {
			if got, err := role(t.Context(), player.URL, test[0]); err != nil || got != test[1] {
				t.Errorf("GetRole of %s: %q, %v", test[0], got, err)
			}
		}
		if err := tag(t.Context(), player.URL); err != nil {
			t.Error(err)
		}
		if trace, err := player.End(); err != nil || len(trace) != 3 {
			t.Errorf("%d calls: %v", len(trace), err)
		}
	}
}

func TestWhatWasNotRecordedIsAnError(t *testing.T) {
	player, err := Play(recordThree(t))
	if err != nil {
		t.Fatal(err)
	}
	defer player.Close()
	for range 3 {
		if _, err := role(t.Context(), player.URL, "first"); err != nil {
			t.Error(err)
		}
	}
	if _, err := player.End(); !errors.Is(err, ErrRepeated) {
		t.Errorf("a third call of two was taken: %v", err)
	}
	player.Begin(Quickly)
	name := "first"
	if _, err := iam.NewFromConfig(configuration(player.URL)).DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: &name}); err == nil {
		t.Error("a call that was not recorded was answered")
	}
	if _, err := player.End(); err == nil || errors.Is(err, ErrRepeated) {
		t.Errorf("a call that was not recorded was taken: %v", err)
	}
}

func TestOrderOfCalls(t *testing.T) {
	player, err := Play(recordThree(t))
	if err != nil {
		t.Fatal(err)
	}
	defer player.Close()
	random := rand.New(rand.NewPCG(1, 2))
	var traces []Trace
	for range 10 {
		player.Begin(Between(random, 5*time.Millisecond, 25*time.Millisecond))
		var group errgroup.Group
		for _, name := range []string{"first", "second"} {
			group.Go(func() error {
				_, err := role(t.Context(), player.URL, name)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		if err := tag(t.Context(), player.URL); err != nil {
			t.Fatal(err)
		}
		trace, err := player.End()
		if err != nil {
			t.Fatal(err)
		}
		traces = append(traces, trace)
	}
	order := Order(traces)
	if want := map[int][]int{0: {}, 1: {}, 2: {0, 1}}; !reflect.DeepEqual(order, want) {
		t.Errorf("the order is %v, want %v", order, want)
	}
	if depth := Depth(order); depth != 2 {
		t.Errorf("the depth is %d", depth)
	}
	// Without the first, the places move up.
	if script := Script(recordThree(t), map[int][]int{1: {}, 2: {1}}); len(script) != 2 || len(script[0].After) != 0 || !reflect.DeepEqual(script[1].After, []int{0}) {
		t.Errorf("the script is %+v", script)
	}
}
