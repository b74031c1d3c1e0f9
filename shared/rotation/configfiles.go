package rotation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registryauth"
	"github.com/ecs-guardrails/ecs-guardrails/shared/storedfile"
)

const (
	// maxConfig is more than any ecs.config: validate-config reads no larger one.
	maxConfig = 1 << 20
	// maxListed bounds how many files under one listed prefix a rotation reads. Each
	// entry has its own share: who fills one prefix must not keep another from the
	// credential.
	maxListed = 1000
	// maxKeys bounds how many keys under one prefix are looked at, whatever they name.
	maxKeys = 50_000
	// maxUnlisted bounds how many files a look between rotations reads.
	maxUnlisted = 5000
	// maxEntries bounds how many registries of one file get the credential.
	maxEntries = 100
)

// ConfigStore is the part of S3's client that the ecs.config files need.
type ConfigStore interface {
	storedfile.Store
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
}

// listedFiles reads the files that the secret's tag lists. What can't be read or
// listed is a fault of that file alone. Of files without any credential nothing
// is kept.
func (r *Rotation) listedFiles(ctx context.Context, entries []ConfigEntry) (ConfigFiles, error) {
	var places []storedfile.Place
	var faults []ConfigFault
	for _, entry := range entries {
		if !entry.Prefix {
			places = append(places, entry.Place)
			continue
		}
		found, fault, err := r.list(ctx, entry.Bucket, entry.Key, maxListed)
		if err != nil {
			return ConfigFiles{}, err
		}
		places = append(places, found...)
		if fault != nil {
			faults = append(faults, *fault)
		}
	}
	files, err := r.readFiles(ctx, distinct(places), func(place storedfile.Place) bool {
		return slices.ContainsFunc(entries, func(entry ConfigEntry) bool { return !entry.Prefix && entry.Place == place })
	})
	files.Faults = append(faults, files.Faults...)
	return files, err
}

// unlistedFiles reads what else lies in the config buckets.
func (r *Rotation) unlistedFiles(ctx context.Context, entries []ConfigEntry) (ConfigFiles, error) {
	var places []storedfile.Place
	var faults []ConfigFault
	for _, bucket := range r.configBuckets {
		found, fault, err := r.list(ctx, bucket, "", maxUnlisted-len(places))
		if err != nil {
			return ConfigFiles{}, err
		}
		places = append(places, found...)
		if fault != nil {
			faults = append(faults, *fault)
		}
	}
	places = slices.DeleteFunc(places, func(place storedfile.Place) bool {
		_, listed := entryOf(entries, place, r.configSuffixes)
		return listed
	})
	files, err := r.readFiles(ctx, places, func(storedfile.Place) bool { return false })
	files.Faults = append(faults, files.Faults...)
	return files, err
}

func distinct(places []storedfile.Place) []storedfile.Place {
	seen := map[storedfile.Place]bool{}
	return slices.DeleteFunc(places, func(place storedfile.Place) bool {
		twice := seen[place]
		seen[place] = true
		return twice
	})
}

// readFiles reads files side by side.
func (r *Rotation) readFiles(ctx context.Context, places []storedfile.Place, listed func(storedfile.Place) bool) (ConfigFiles, error) {
	files, faults := make([]*storedfile.File, len(places)), make([]*ConfigFault, len(places))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i, place := range places {
		group.Go(func() error {
			file, err := storedfile.Read(ctx, r.objects, place, maxConfig)
			if err == nil {
				if bytes.Contains(file.Content, []byte("ECS_ENGINE_AUTH_DATA")) {
					files[i] = &file
				}
				return nil
			}
			fault := ConfigFault{Where: place.String(), Listed: listed(place), Answer: failedCall(err)}
			switch kind := awserror.Classify(err); {
			case errors.Is(err, storedfile.ErrTooLarge), awserror.HasCode(err, "InvalidObjectState"):
				// No instance reads a file of this size, or one in an archive.
				return nil
			case kind == awserror.Gone && !fault.Listed:
				return nil
			case kind == awserror.Gone:
				fault.Kind = FileMissing
			case kind == awserror.Denied || kind == awserror.Refused:
				// Among them: encrypted with a key that only its writer has (SSE-C).
				fault.Kind = FileUnreadable
			default:
				return err
			}
			faults[i] = &fault
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return ConfigFiles{}, err
	}
	return ConfigFiles{Files: present(files), Faults: present(faults)}, nil
}

func failedCall(err error) string {
	return awserror.Answered(err)
}

func present[T any](items []*T) []T {
	var there []T
	for _, one := range items {
		if one != nil {
			there = append(there, *one)
		}
	}
	return there
}

// list gives the ecs.config files under a prefix, the first so many of them. Keys
// come URL-encoded: XML can't hold every character that a key may have
// ("EncodingType" of ListObjectsV2).
func (r *Rotation) list(ctx context.Context, bucket, prefix string, most int) ([]storedfile.Place, *ConfigFault, error) {
	where := "s3://" + bucket + "/" + prefix + "*"
	var places []storedfile.Place
	input := &s3.ListObjectsV2Input{Bucket: &bucket, EncodingType: s3types.EncodingTypeUrl}
	if prefix != "" {
		input.Prefix = &prefix
	}
	for keys := 0; keys < maxKeys; {
		page, err := r.objects.ListObjectsV2(ctx, input)
		switch kind := awserror.Classify(err); {
		case err != nil && (kind == awserror.Denied || kind == awserror.Refused || kind == awserror.Gone):
			return places, &ConfigFault{Where: where, Kind: BucketUnlistable, Answer: failedCall(err)}, nil
		case err != nil:
			return nil, nil, fmt.Errorf("list %s: %w", where, err)
		}
		keys += max(len(page.Contents), 1)
		for _, object := range page.Contents {
			key, err := url.QueryUnescape(aws.ToString(object.Key))
			if err != nil || !hasSuffix(key, r.configSuffixes) {
				continue
			}
			if len(places) >= most {
				return places, &ConfigFault{Where: where, Kind: TooManyFiles}, nil
			}
			places = append(places, storedfile.Place{Bucket: bucket, Key: key})
		}
		if input.ContinuationToken = page.NextContinuationToken; !aws.ToBool(page.IsTruncated) || page.NextContinuationToken == nil {
			return places, nil, nil
		}
	}
	return places, &ConfigFault{Where: where, Kind: TooManyFiles}, nil
}

// configFaults says what it means that files can't be read.
func configFaults(faults []ConfigFault) []finding.Finding {
	var findings []finding.Finding
	unreadable := map[bool][]string{}
	for _, fault := range faults {
		switch fault.Kind {
		case FileUnreadable:
			unreadable[fault.Listed] = append(unreadable[fault.Listed], fault.String())
		case FileMissing:
			findings = append(findings, configMissing.With(finding.Name("file", fault.Where)))
		case TooManyFiles:
			findings = append(findings, configsTooMany.With(finding.Name("files", fault.Where),
				figure("listed", maxListed), figure("unlisted", maxUnlisted), figure("keys", maxKeys)))
		case BucketUnlistable:
			findings = append(findings, bucketUnlistable.With(finding.Name("files", fault.Where), finding.Clause("why", fault.Answer)))
		}
	}
	if files := unreadable[true]; len(files) > 0 {
		findings = append(findings, listedUnread.With(notedList("files", files)))
	}
	if files := unreadable[false]; len(files) > 0 {
		findings = append(findings, foundUnread.With(notedList("files", files)))
	}
	return findings
}

// rendered gives a file's content with the new credential wherever it carries an
// old one, user name and password, and whether it does. A user name alone proves
// nothing: anyone who writes a file could claim it. The shape (docker or
// dockercfg), the order and every other byte stay. More entries than maxEntries
// are more than an ecs.config has; such a file is left alone.
func rendered(content []byte, served registry.Registry, old []registry.Credential, fresh registry.Credential) (replaced []byte, changed, tooMany bool) {
	var entries []registryauth.Registry
	for _, entry := range ecsconfig.Parse(content).Registries().Registries {
		if !isOf(entry, served) {
			continue
		}
		carried := registry.Credential{Username: entry.Username, Password: entry.Password}
		if !carried.Equal(fresh) && slices.ContainsFunc(old, carried.Equal) {
			entries = append(entries, entry)
		}
	}
	if len(entries) == 0 || len(entries) > maxEntries {
		return content, false, len(entries) > maxEntries
	}
	replaced, err := registryauth.Replace(content, fresh.Username, fresh.Password, entries...)
	return replaced, err == nil && !bytes.Equal(replaced, content), false
}

// carries reports whether a file has a credential for a registry.
func carries(content []byte, served registry.Registry, credential registry.Credential) bool {
	return slices.ContainsFunc(ecsconfig.Parse(content).Registries().Registries, func(entry registryauth.Registry) bool {
		return isOf(entry, served) && registry.Credential{Username: entry.Username, Password: entry.Password}.Equal(credential)
	})
}

// isOf reports whether an entry of an ecs.config is a user's and password's for a
// registry.
func isOf(entry registryauth.Registry, served registry.Registry) bool {
	named, err := registry.Parse(entry.Key)
	return err == nil && named.Host == served.Host && !entry.Token
}
