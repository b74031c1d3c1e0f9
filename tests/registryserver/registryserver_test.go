package registryserver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"golang.org/x/crypto/bcrypt"

	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
)

// object is one S3 object in memory.
type object struct {
	mutex   sync.Mutex
	content []byte
	version int
}

func (o *object) PutObject(_ context.Context, input *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	content, err := io.ReadAll(input.Body)
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.content = content
	o.version++
	return &s3.PutObjectOutput{}, err
}

func (o *object) GetObject(_ context.Context, input *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	etag := fmt.Sprintf("%q", fmt.Sprint(o.version))
	if aws.ToString(input.IfNoneMatch) == etag {
		return nil, &smithy.GenericAPIError{Code: "NotModified"}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(o.content)), ETag: &etag}, nil
}

func status(t *testing.T, server *Server, username, password string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+server.Host+"/v2/"+server.Repository+"/manifests/"+server.Tag, nil)
	if err != nil {
		t.Fatal(err)
	}
	if username != "" {
		request.SetBasicAuth(username, password)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func TestTheRegistryFollowsItsUsersFile(t *testing.T) {
	users := &object{}
	server, err := Start(t.Context(), Options{
		S3: users, Bucket: "b", Key: "k", Folder: t.TempDir(), Log: io.Discard, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if got := status(t, server, "", ""); got != http.StatusUnauthorized {
		t.Errorf("nobody: %d", got)
	}
	if got := status(t, server, server.Username, "wrong"); got != http.StatusUnauthorized {
		t.Errorf("a wrong password: %d", got)
	}
	if got := status(t, server, server.Username, server.Password); got != http.StatusOK {
		t.Errorf("the first password: %d", got)
	}

	hash, err := bcrypt.GenerateFromPassword([]byte("second"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := users.PutObject(t.Context(), &s3.PutObjectInput{Body: bytes.NewReader([]byte(server.Username + ":" + string(hash) + "\n"))}); err != nil {
		t.Fatal(err)
	}
	// The registry copies the file at intervals.
	if err := patience.Wait(t.Context(), "the registry knows the new password", func(ctx context.Context) (bool, error) {
		got := status(t, server, server.Username, "second")
		patience.Saw(ctx, "the registry answers %d", got)
		return got == http.StatusOK, nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := status(t, server, server.Username, server.Password); got != http.StatusUnauthorized {
		t.Errorf("the first password after the second: %d", got)
	}
}
