package userdata

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

const (
	// maxSize bounds what is read and unpacked, in bytes: EC2 takes 16 KiB.
	maxSize = 1 << 20
	// maxParts and maxDepth bound archives in archives.
	maxParts = 200
	maxDepth = 5
)

// unbase64 decodes text that is base64 as a whole, as EC2's API has user data
// and launch templates keep it, and gives false for any other.
func unbase64(s string) ([]byte, bool) {
	packed := strings.Join(strings.Fields(s), "")
	if len(packed) < 8 {
		return nil, false
	}
	decoded, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		if decoded, err = base64.RawStdEncoding.DecodeString(packed); err != nil {
			return nil, false
		}
	}
	// A word of letters is base64 by chance, and of nothing readable.
	if !isGzip(decoded) && (!utf8.Valid(decoded) || bytes.ContainsRune(decoded, 0)) {
		return nil, false
	}
	return decoded, true
}

func isGzip(raw []byte) bool { return bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) }

// gunzip gives at most limit bytes; a cut or damaged archive still gives its beginning.
func gunzip(raw []byte, limit int) []byte {
	reader, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	unzipped, _ := io.ReadAll(io.LimitReader(reader, int64(max(limit, 0))))
	return unzipped
}

// part is one part of a MIME archive.
type part struct {
	contentType string
	body        Text
	// mergeType is how cloud-init merges it, if it is a cloud-config document.
	mergeType string
}

var (
	boundaryOf = lazyregexp.New(`(?i)boundary\s*=\s*(?:"([^"\r\n]+)"|([^\s;]+))`)
	headerLine = lazyregexp.New(`^[A-Za-z-]+:`)
)

// isArchive says that text begins with the header of a MIME archive.
func isArchive(s string) bool {
	header, _ := splitHeader(s)
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(headerValue(header, "Content-Type"))), "multipart/")
}

// splitHeader gives the header and where the body begins.
func splitHeader(s string) (header string, body int) {
	offset := 0
	for offset < len(s) {
		end := strings.IndexByte(s[offset:], '\n')
		next := offset + end + 1
		if end < 0 {
			end, next = len(s)-offset, len(s)
		}
		line := strings.TrimRight(s[offset:offset+end], "\r")
		if strings.TrimSpace(line) == "" {
			if offset == 0 || strings.TrimSpace(s[:offset]) == "" {
				offset = next // blank lines before the header
				continue
			}
			return s[:offset], next
		}
		if !headerLine.MatchString(line) && line[0] != ' ' && line[0] != '\t' {
			return s[:offset], offset // a body without a blank line before it
		}
		offset = next
	}
	return s, len(s)
}

func headerValue(header, name string) string {
	value, found := "", false
	for line := range strings.Lines(header) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && (line[0] == ' ' || line[0] == '\t') {
			if found {
				value += line
			}
			continue
		}
		if found {
			break
		}
		key, rest, ok := strings.Cut(line, ":")
		if found = ok && strings.EqualFold(strings.TrimSpace(key), name); found {
			value = strings.TrimSpace(rest)
		}
	}
	return value
}

// archiveParts takes a MIME archive apart. A part that is cut off is read as far as it goes.
func archiveParts(t Text) []part {
	s := t.String()
	header, offset := splitHeader(s)
	match := boundaryOf.FindStringSubmatch(headerValue(header, "Content-Type"))
	if match == nil {
		return nil
	}
	delimiter := "--" + match[1] + match[2]
	var parts []part
	start := -1
	finish := func(end int) {
		if start < 0 {
			return
		}
		// The line break before the delimiter belongs to the delimiter.
		body := s[start:end]
		if strings.HasSuffix(body, "\n") {
			end--
			if strings.HasSuffix(body, "\r\n") {
				end--
			}
		}
		parts = append(parts, readPart(t.slice(start, end)))
	}
	for offset < len(s) && len(parts) < maxParts {
		next := len(s)
		if i := strings.IndexByte(s[offset:], '\n'); i >= 0 {
			next = offset + i + 1
		}
		if line := strings.TrimSpace(s[offset:next]); line == delimiter || line == delimiter+"--" {
			finish(offset)
			start = next
			if line != delimiter {
				return parts
			}
		}
		offset = next
	}
	finish(len(s))
	return parts
}

func readPart(t Text) part {
	s := t.String()
	header, offset := "", 0
	if headerLine.MatchString(s) {
		header, offset = splitHeader(s)
	} else if trimmed := strings.TrimLeft(s, "\r\n"); trimmed != s {
		offset = len(s) - len(trimmed)
	}
	contentType := headerValue(header, "Content-Type")
	body := t.slice(offset, len(s))
	switch strings.ToLower(headerValue(header, "Content-Transfer-Encoding")) {
	case "base64":
		if decoded, ok := unbase64(body.String()); ok {
			body = body.unpacked(decoded)
		}
	case "quoted-printable":
		decoded, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body.String())))
		body = body.unpacked(decoded)
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind, _, _ = strings.Cut(contentType, ";")
	}
	if strings.HasPrefix(strings.ToLower(kind), "multipart/") {
		// A part that is an archive itself has its boundary in its own header.
		body = t
	}
	return part{strings.ToLower(strings.TrimSpace(kind)), body, cmp.Or(headerValue(header, "Merge-Type"), headerValue(header, "X-Merge-Type"))}
}
