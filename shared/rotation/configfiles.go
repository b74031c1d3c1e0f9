package rotation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/ecsconfig"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/registryauth"
	"ecsguardrails/shared/storedfile"
)

const (
	// maxConfig is more than any ecs.config: validate-config reads no larger one.
	maxConfig = 1 << 20
	// maxConfigs bounds how many files a rotation reads.
	maxConfigs = 5000
)

// ConfigStore is the part of S3's client that the ecs.config files need.
type ConfigStore interface {
	storedfile.Store
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
}

// configFiles reads the files that may carry the credential: those that the
// secret's tag lists, or all of the config buckets. Of files without any
// credential nothing is kept.
func (r *Rotation) configFiles(ctx context.Context, at Target) ([]storedfile.File, error) {
	places := at.Configs
	if len(places) == 0 {
		for _, bucket := range r.configBuckets {
			found, err := r.listConfigs(ctx, bucket)
			if err != nil {
				return nil, err
			}
			places = append(places, found...)
		}
	}
	files, unreadable := make([]storedfile.File, len(places)), make([]string, len(places))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, place := range places {
		group.Go(func() error {
			file, err := storedfile.Read(ctx, r.objects, place, maxConfig)
			switch {
			// A file that has gone, or that is no ecs.config for its size, carries
			// nothing. Nor does one that lies in an archive: no instance can read it.
			case errors.Is(err, storedfile.ErrTooLarge), awserror.HasCode(err, "InvalidObjectState"), err != nil && awserror.Classify(err) == awserror.Gone:
				return nil
			case err != nil && (awserror.Classify(err) == awserror.Denied || awserror.Classify(err) == awserror.Refused):
				unreadable[i] = fmt.Sprintf("%s (%s answered %s)", printable(place.String()), awserror.Operation(err), awserror.Code(err))
				return nil
			}
			if err == nil && bytes.Contains(file.Content, []byte("ECS_ENGINE_AUTH_DATA")) {
				files[i] = file
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := refuseUnreadable(slices.DeleteFunc(unreadable, func(text string) bool { return text == "" })); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(files, func(file storedfile.File) bool { return file.Key == "" }), nil
}

// refuseUnreadable ends a step before it changes anything: a file that nobody
// here can read may carry the credential, would go on carrying it, and its
// instances could not pull once it is revoked.
func refuseUnreadable(files []string) error {
	if len(files) == 0 {
		return nil
	}
	shown := strings.Join(files[:min(len(files), 3)], ", ")
	if more := len(files) - 3; more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	return finding.Refuse(finding.Finding{
		Code: "config-unreadable", Severity: finding.Error,
		Message: "ecs.config files that cannot be read may carry the credential, which would be revoked under them one day: " + shown,
		Fix:     "allow the function's role to read them in the bucket's and the key's policy, or take them away; or list the files that carry the credential in the secret's tag " + ConfigTag + ", and no others are read",
	})
}

func (r *Rotation) listConfigs(ctx context.Context, bucket string) ([]storedfile.Place, error) {
	var places []storedfile.Place
	var next *string
	for {
		page, err := r.objects.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, ContinuationToken: next})
		if err != nil {
			return nil, fmt.Errorf("list the config bucket %s: %w", bucket, err)
		}
		for _, object := range page.Contents {
			key := aws.ToString(object.Key)
			if slices.ContainsFunc(r.configSuffixes, func(suffix string) bool { return strings.HasSuffix(key, suffix) }) {
				places = append(places, storedfile.Place{Bucket: bucket, Key: key})
			}
		}
		if len(places) > maxConfigs {
			return nil, finding.Refuse(finding.Finding{
				Code: "configs-too-many", Severity: finding.Error,
				Message: fmt.Sprintf("the config bucket %s holds more than %d ecs.config files, too many to look through for the old credential", bucket, maxConfigs),
				Fix:     "list those that carry it in the secret's tag " + ConfigTag,
			})
		}
		if next = page.NextContinuationToken; !aws.ToBool(page.IsTruncated) || next == nil {
			return places, nil
		}
	}
}

// rendered gives a file's content with the new credential wherever it carries
// the old one, and whether it does. The shape (docker or dockercfg), the order
// and every other byte stay. Credentials of other registries and other users
// are not ours. An account that takes turns has no password but those of this
// secret, so it counts whatever password stands beside it; a token is known by
// its value alone, for its owner may have others.
func rendered(content []byte, at registry.Registry, accounts registry.Accounts, old []registry.Credential, after registry.Credential) ([]byte, bool) {
	changed, known := false, append(slices.Clone(old), after)
	// Each replacement moves the bytes behind it, so the file is read anew.
	for range maxConfig {
		registries := ecsconfig.Parse(content).Registries().Registries
		index := slices.IndexFunc(registries, func(entry registryauth.Registry) bool {
			named, err := registry.Parse(entry.Key)
			if err != nil || named.Host != at.Host || entry.Token {
				return false
			}
			carried := registry.Credential{Username: entry.Username, Password: entry.Password}
			if carried.Equal(after) {
				return false
			}
			return slices.ContainsFunc(known, func(one registry.Credential) bool {
				return carried.Equal(one) || accounts == registry.TwoAccounts && carried.Username == one.Username
			})
		})
		if index < 0 {
			break
		}
		replaced, err := registryauth.Replace(content, registries[index], after.Username, after.Password)
		if err != nil || slices.Equal(replaced, content) {
			break
		}
		content, changed = replaced, true
	}
	return content, changed
}
