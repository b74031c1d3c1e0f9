// Package htpasswd is the driver for a registry behind basic authentication
// whose htpasswd file is kept as an object in S3, from where the registry's
// machines copy it: distribution (auth.htpasswd), or any registry behind nginx
// or Apache.
//
// A user of an htpasswd file has one password, so two users take turns: while
// "ci" is in AWSCURRENT the next password becomes that of "ci_clone", and the
// other way round. The old user's line stays until its turn comes again, so the
// old credential works on. Passwords have neither expiry nor limit.
//
// The driver needs s3:GetObject and s3:PutObject on the object and
// s3:ListBucket on its bucket (to tell a missing object from a forbidden one),
// and no administrator's credential. It writes with If-Match ("Conditional
// writes", S3 user guide), so that a person's edit is never overwritten.
package htpasswd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/registry"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "htpasswd"

// LocationTag is the secret's tag that says where the file is, as in
// "s3://acme-registry/auth/htpasswd".
const LocationTag = "ecs-guardrails:htpasswd"

const (
	// maxFile is far more than any user list; the file is held in memory.
	maxFile = 8 << 20
	// attempts is how often the file is read anew when others write it, too.
	attempts = 5
)

// ObjectStore is the part of S3's client that the driver needs.
type ObjectStore interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Driver implements registry.Driver.
type Driver struct {
	objects ObjectStore
	random  io.Reader
}

// New makes the driver; random is the source of its passwords.
func New(objects ObjectStore, random io.Reader) *Driver { return &Driver{objects, random} }

// Accounts says that two users take turns.
func (*Driver) Accounts() registry.Accounts { return registry.TwoAccounts }

// Examine wants the file's place and a user name that fits into a line of it.
func (*Driver) Examine(order registry.Order) error {
	if _, _, err := location(order); err != nil {
		return err
	}
	name := order.Current.Username
	if strings.TrimSpace(name) != name || strings.HasPrefix(name, "#") || strings.ContainsAny(name, ":\r\n") {
		return errors.New("the secret's username does not fit into an htpasswd file: it may hold no colon and no line break, begin with no # and have no space at its ends")
	}
	return nil
}

// Issue chooses a password for the user whose turn it is.
func (d *Driver) Issue(_ context.Context, order registry.Order) (registry.Credential, error) {
	password, err := registry.NewPassword(d.random)
	if err != nil {
		return registry.Credential{}, err
	}
	return registry.Credential{Username: registry.TwoAccounts.Successor(order.Current.Username), Password: password}, nil
}

// Install writes the user's line. A file that has it already is left alone.
func (d *Driver) Install(ctx context.Context, order registry.Order, credential registry.Credential) error {
	bucket, key, err := location(order)
	if err != nil {
		return err
	}
	var hashed string
	for range attempts {
		got, err := d.read(ctx, bucket, key)
		if err != nil {
			return err
		}
		if holds(got.file, credential.Username, credential.Password) {
			return nil
		}
		if hashed == "" {
			if hashed, err = hash(credential.Password); err != nil {
				return err
			}
		}
		err = d.write(ctx, bucket, key, got, set(got.file, credential.Username, hashed))
		if err == nil {
			return nil
		}
		if !awserror.HasCode(err, "PreconditionFailed", "ConditionalRequestConflict") {
			return err
		}
	}
	return fmt.Errorf("write s3://%s/%s: others changed it %d times in a row", bucket, key, attempts)
}

// content is the file as it was read.
type content struct {
	file   []byte
	object *s3.GetObjectOutput
}

func (d *Driver) read(ctx context.Context, bucket, key string) (content, error) {
	object, err := d.objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		if awserror.Classify(err) == awserror.Gone {
			return content{}, finding.Refuse(finding.Finding{
				Code: "htpasswd-missing", Severity: finding.Error,
				Message: fmt.Sprintf("there is no htpasswd file s3://%s/%s", bucket, key),
				Fix:     "correct the secret's tag " + LocationTag + ", or put the registry's htpasswd file there",
			})
		}
		return content{}, fmt.Errorf("read the htpasswd file s3://%s/%s: %w", bucket, key, err)
	}
	defer func() { _ = object.Body.Close() }()
	file, err := io.ReadAll(io.LimitReader(object.Body, maxFile+1))
	if err != nil {
		return content{}, fmt.Errorf("read the htpasswd file s3://%s/%s: %w", bucket, key, err)
	}
	if len(file) > maxFile {
		return content{}, finding.Refuse(finding.Finding{
			Code: "htpasswd-too-large", Severity: finding.Error,
			Message: fmt.Sprintf("s3://%s/%s is larger than %d MiB, which no htpasswd file is", bucket, key, maxFile>>20),
			Fix:     "correct the secret's tag " + LocationTag,
		})
	}
	return content{file, object}, nil
}

// write puts the file back as it was kept: same type, metadata and encryption.
func (d *Driver) write(ctx context.Context, bucket, key string, before content, file []byte) error {
	input := &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, Body: bytes.NewReader(file), IfMatch: before.object.ETag,
		ContentType: before.object.ContentType, CacheControl: before.object.CacheControl,
		ContentDisposition: before.object.ContentDisposition, ContentEncoding: before.object.ContentEncoding,
		ContentLanguage: before.object.ContentLanguage, Metadata: before.object.Metadata,
		ServerSideEncryption: before.object.ServerSideEncryption, SSEKMSKeyId: before.object.SSEKMSKeyId,
		BucketKeyEnabled: before.object.BucketKeyEnabled, StorageClass: before.object.StorageClass,
	}
	if _, err := d.objects.PutObject(ctx, input); err != nil {
		if awserror.Classify(err) == awserror.Gone {
			return fmt.Errorf("write the htpasswd file s3://%s/%s: it was deleted meanwhile", bucket, key)
		}
		return fmt.Errorf("write the htpasswd file s3://%s/%s: %w", bucket, key, err)
	}
	return nil
}

// location reads the tag.
func location(order registry.Order) (bucket, key string, err error) {
	place, ok := strings.CutPrefix(order.Tags[LocationTag], "s3://")
	bucket, key, _ = strings.Cut(place, "/")
	if !ok || bucket == "" || key == "" {
		return "", "", errors.New("the tag " + LocationTag + " must say where the registry's htpasswd file is kept, as in s3://bucket/key")
	}
	return bucket, key, nil
}
