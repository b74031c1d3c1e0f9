package rotation

import (
	"errors"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/storedfile"
)

// ConfigEntry is one entry of the tag ecs-guardrails:config-objects: a file, or
// all files under a prefix, that may get the credential.
type ConfigEntry struct {
	storedfile.Place
	// Prefix says that Key is what keys begin with.
	Prefix bool
	// Cluster is the one whose instances boot with the file, "" where the entry
	// names none.
	Cluster string
}

// ParseConfigEntry reads s3://bucket/key or s3://bucket/prefix/*, either with
// =CLUSTER behind. A trailing slash means the same as /*: some tools allow no
// asterisk in a tag. An equals sign in the key belongs to the key if a slash
// follows it.
func ParseConfigEntry(text string) (ConfigEntry, error) {
	place, cluster := text, ""
	if index := strings.LastIndex(text, "="); index > strings.LastIndex(text, "/") {
		place, cluster = text[:index], text[index+1:]
		if !clusterName.MatchString(cluster) {
			return ConfigEntry{}, errors.New("what stands behind = is not a cluster's name")
		}
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(place, "s3://"), "/")
	entry := ConfigEntry{Place: storedfile.Place{Bucket: bucket, Key: key}, Cluster: cluster}
	if begin, open := strings.CutSuffix(key, "*"); open {
		entry.Key, entry.Prefix = begin, true
	} else if strings.HasSuffix(place, "/") {
		entry.Prefix = true
	}
	switch {
	case !strings.HasPrefix(place, "s3://") || bucket == "":
		return ConfigEntry{}, errors.New("an entry is not of the form s3://bucket/key")
	case entry.Prefix && entry.Key != "" && !strings.HasSuffix(entry.Key, "/"):
		return ConfigEntry{}, errors.New("an entry with * must end in /*")
	case entry.Key == "" && !entry.Prefix || strings.Contains(entry.Key, "*"):
		return ConfigEntry{}, errors.New("an entry names no key, or has a * elsewhere than at its end")
	}
	return entry, nil
}

// covers reports whether an entry lists a file. Of the files under a prefix only
// those that end in one of the suffixes are ecs.config files.
func (e ConfigEntry) covers(place storedfile.Place, suffixes []string) bool {
	if e.Bucket != place.Bucket {
		return false
	}
	if !e.Prefix {
		return e.Key == place.Key
	}
	return strings.HasPrefix(place.Key, e.Key) && hasSuffix(place.Key, suffixes)
}

// entryOf gives the entry that lists a file. The most exact one counts: a file
// before a prefix, a longer prefix before a shorter one.
func entryOf(entries []ConfigEntry, place storedfile.Place, suffixes []string) (ConfigEntry, bool) {
	var found ConfigEntry
	listed := false
	for _, entry := range entries {
		if !entry.covers(place, suffixes) {
			continue
		}
		if !listed || found.Prefix && (!entry.Prefix || len(entry.Key) > len(found.Key)) {
			found, listed = entry, true
		}
	}
	return found, listed
}

func hasSuffix(key string, suffixes []string) bool {
	return slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(key, suffix) })
}
