package sqlite

// ReplaceWith is Replace on a file system that makes hard links in this way.
func ReplaceWith(prepared, path string, link func(from, to string) error) error {
	return replace(prepared, path, link)
}
