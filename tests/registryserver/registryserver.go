// Package registryserver runs a real container registry (CNCF Distribution)
// whose users stand in an htpasswd file that is kept in S3, as people run it
// with a sidecar that copies the file.
package registryserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd" // the kind of authentication
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory" // where images are kept
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"
)

// Objects keep the htpasswd file; *s3.Client is one.
type Objects interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Options say where the registry's users are kept.
type Options struct {
	S3 Objects
	// Bucket and Key name the htpasswd file. It is written again, with one user.
	Bucket, Key string
	// Folder takes the local copy of the file.
	Folder string
	// Manual leaves it to Sync to copy the users' file, instead of doing it all
	// the time.
	Manual bool
	// Log takes what Distribution logs.
	Log    io.Writer
	Logger *slog.Logger
}

// Server is a running registry. Images stay in memory.
type Server struct {
	// Host is host:port. On the loopback address, clients speak plain HTTP.
	Host string
	// Username and Password are of the one user there was at the start.
	Username, Password string
	// Repository and Tag name the one image, "acme/app" and "1.0".
	Repository, Tag string

	options Options
	app     *handlers.App
	server  *http.Server
	cancel  context.CancelFunc
	synced  chan struct{}
}

const (
	startUser  = "puller"
	repository = "acme/app"
	tag        = "1.0"
	// syncInterval is how often the copy of the htpasswd file is brought up to
	// date.
	syncInterval = 200 * time.Millisecond
	// imageLayerSize is in bytes.
	imageLayerSize = 1024
)

// Start runs a registry on a free port and pushes one small image.
func Start(ctx context.Context, options Options) (*Server, error) {
	server := &Server{Username: startUser, Password: rand.Text(), Repository: repository, Tag: tag, options: options}
	if err := server.putFirstUser(ctx); err != nil {
		return nil, err
	}
	etag, err := server.copyUsers(ctx, "")
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("taking a port for the registry: %w", err)
	}
	server.Host = listener.Addr().String()
	// Distribution logs through logrus's standard logger, wherever it is configured to.
	logrus.SetOutput(options.Log)
	server.app = handlers.NewApp(context.WithoutCancel(ctx), &configuration.Configuration{
		Version: "0.1",
		Storage: configuration.Storage{
			"inmemory":    configuration.Parameters{},
			"maintenance": configuration.Parameters{"uploadpurging": map[any]any{"enabled": false}},
		},
		Auth: configuration.Auth{"htpasswd": configuration.Parameters{
			"realm": "registry", "path": server.localCopy(),
		}},
		HTTP: configuration.HTTP{Secret: rand.Text()},
	})
	server.server = &http.Server{Handler: server.app, ReadHeaderTimeout: time.Minute}
	go func() {
		if err := server.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			options.Logger.Error("the registry ended", "error", err)
		}
	}()
	keep, cancel := context.WithCancel(context.WithoutCancel(ctx))
	server.cancel = cancel
	server.synced = make(chan struct{})
	go func() {
		defer close(server.synced)
		if !options.Manual {
			server.keepUsers(keep, etag)
		}
	}()
	if err := server.Push(ctx, repository, tag, server.Username, server.Password); err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return server, nil
}

// HtpasswdObject is where the users are kept, as in s3://bucket/key.
func (s *Server) HtpasswdObject() string { return "s3://" + s.options.Bucket + "/" + s.options.Key }

// Image is the one that was pushed, as a task definition names it.
func (s *Server) Image() string { return s.Host + "/" + s.Repository + ":" + s.Tag }

// Push puts a small image of random content into the registry.
func (s *Server) Push(ctx context.Context, repository, tag, username, password string) error {
	reference, err := name.ParseReference(s.Host+"/"+repository+":"+tag, name.Insecure)
	if err != nil {
		return fmt.Errorf("naming the image: %w", err)
	}
	image, err := random.Image(imageLayerSize, 1)
	if err != nil {
		return fmt.Errorf("making an image: %w", err)
	}
	if err := remote.Write(reference, image, remote.WithContext(ctx), remote.WithAuth(&authn.Basic{Username: username, Password: password})); err != nil {
		return fmt.Errorf("pushing %s: %w", reference, err)
	}
	return nil
}

func (s *Server) localCopy() string { return filepath.Join(s.options.Folder, "htpasswd") }

func (s *Server) putFirstUser(ctx context.Context) error {
	hash, err := bcrypt.GenerateFromPassword([]byte(s.Password), bcrypt.MinCost)
	if err != nil {
		return fmt.Errorf("hashing the registry's first password: %w", err)
	}
	_, err = s.options.S3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.options.Bucket, Key: &s.options.Key,
		Body: bytes.NewReader([]byte(s.Username + ":" + string(hash) + "\n")),
	})
	if err != nil {
		return fmt.Errorf("putting the registry's users to %s: %w", s.HtpasswdObject(), err)
	}
	return nil
}

// keepUsers copies the file again whenever it changed.
func (s *Server) keepUsers(ctx context.Context, etag string) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(syncInterval):
		}
		latest, err := s.copyUsers(ctx, etag)
		switch {
		case err != nil && ctx.Err() == nil:
			s.options.Logger.Warn("the registry keeps its last users", "error", err)
		case err == nil:
			etag = latest
		}
	}
}

// Sync copies the users' file now.
func (s *Server) Sync(ctx context.Context) error {
	_, err := s.copyUsers(ctx, "")
	return err
}

// copyUsers writes the file that S3 has unless its ETag is the one given, and
// returns its ETag.
func (s *Server) copyUsers(ctx context.Context, etag string) (string, error) {
	input := &s3.GetObjectInput{Bucket: &s.options.Bucket, Key: &s.options.Key}
	if etag != "" {
		input.IfNoneMatch = &etag
	}
	object, err := s.options.S3.GetObject(ctx, input)
	if failure := smithy.APIError(nil); errors.As(err, &failure) && failure.ErrorCode() == "NotModified" {
		return etag, nil
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", s.HtpasswdObject(), err)
	}
	users, err := io.ReadAll(object.Body)
	if err := errors.Join(err, object.Body.Close()); err != nil {
		return "", fmt.Errorf("reading %s: %w", s.HtpasswdObject(), err)
	}
	// The registry must never see half a file.
	if err := os.WriteFile(s.localCopy()+".new", users, 0o600); err != nil {
		return "", fmt.Errorf("copying the registry's users: %w", err)
	}
	if err := os.Rename(s.localCopy()+".new", s.localCopy()); err != nil {
		return "", fmt.Errorf("copying the registry's users: %w", err)
	}
	return aws.ToString(object.ETag), nil
}

// Stop ends the registry; its images are gone.
func (s *Server) Stop() error {
	s.cancel()
	<-s.synced
	return errors.Join(s.server.Close(), s.app.Shutdown())
}
