package release

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
)

var (
	// build is what tells sam how to compile a function; a package has no need of it.
	build = regexp.MustCompile(`(?m)^    Metadata:\n      BuildMethod: go1\.x\n(      BuildProperties: .*\n)?`)
	code  = regexp.MustCompile(`(?m)^(      CodeUri: )functions/([a-z-]+)/$`)
	// processors is the parameter Architecture up to its values.
	processors = regexp.MustCompile(`(?m)^(  Architecture:\n    Type: String\n    Default: )\S+(\n    AllowedValues: )\[.*\]$`)
	license    = regexp.MustCompile(`(?m)^(    LicenseUrl: )(LICENSE)$`)
	readme     = regexp.MustCompile(`(?m)^(    ReadmeUrl: )(README\.md)$`)
)

// packaged gives the shipped template with packages in place of the functions'
// sources.
func packaged(shipped []byte, functions []string, uri func(function string) string) ([]byte, error) {
	var named []string
	content := code.ReplaceAllFunc(build.ReplaceAll(shipped, nil), func(line []byte) []byte {
		parts := code.FindSubmatch(line)
		named = append(named, string(parts[2]))
		return append(slices.Clone(parts[1]), uri(string(parts[2]))...)
	})
	slices.Sort(named)
	if !slices.Equal(named, functions) || bytes.Contains(content, []byte("BuildMethod")) {
		return nil, fmt.Errorf("the template names the code of %q, and functions/ holds %q", named, functions)
	}
	return content, nil
}

// inFolder is a template for sam deploy or aws cloudformation package, which
// upload the files that it names. They take one file for a function, so it is for
// one architecture.
func inFolder(shipped []byte, functions []string, architecture string) ([]byte, error) {
	content, err := packaged(shipped, functions, func(function string) string { return packageOf(function, architecture) })
	if err == nil && !processors.Match(content) {
		err = fmt.Errorf("the template's parameter Architecture isn't written as expected")
	}
	return processors.ReplaceAll(content, []byte("${1}"+architecture+"${2}["+architecture+"]")), err
}

// inBucket is a template that can be deployed as it is: what it names is below a
// prefix of a bucket.
func inBucket(shipped []byte, functions []string, bucket, prefix string) ([]byte, error) {
	content, err := packaged(shipped, functions, func(function string) string {
		return fmt.Sprintf(`{ Bucket: "%s", Key: !Sub "%s" }`, bucket, prefix+"/"+packageOf(function, "${Architecture}"))
	})
	for _, of := range []*regexp.Regexp{license, readme} {
		if err == nil && !of.Match(content) {
			err = fmt.Errorf("the template's metadata has no %s", of)
		}
		content = of.ReplaceAll(content, []byte("${1}s3://"+bucket+"/"+prefix+"/${2}"))
	}
	return content, err
}
