// Makes a vulnerability database in Trivy's format (version 2) from a few advisories.
// The same advisories always give the same bytes.
//
//	go run . ../../fixtures/trivy-db/advisories.json ../../fixtures/trivy-db
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"sort"

	"go.etcd.io/bbolt"
)

type input struct {
	UpdatedAt       string
	NextUpdate      string
	DataSources     map[string]json.RawMessage
	Advisories      map[string]map[string]map[string]json.RawMessage
	Vulnerabilities map[string]json.RawMessage
}

func compact(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	return text
}

// Sorted, so that the pages of the file are always filled in the same order.
func keys[V any](table map[string]V) []string {
	names := make([]string, 0, len(table))
	for name := range table {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func put(bucket *bbolt.Bucket, table map[string]json.RawMessage) error {
	for _, key := range keys(table) {
		if err := bucket.Put([]byte(key), compact(table[key])); err != nil {
			return err
		}
	}
	return nil
}

func fill(tx *bbolt.Tx, data input) error {
	sources, err := tx.CreateBucket([]byte("data-source"))
	if err != nil {
		return err
	}
	if err := put(sources, data.DataSources); err != nil {
		return err
	}
	for _, platform := range keys(data.Advisories) {
		bucket, err := tx.CreateBucket([]byte(platform))
		if err != nil {
			return err
		}
		for _, name := range keys(data.Advisories[platform]) {
			source, err := bucket.CreateBucket([]byte(name))
			if err != nil {
				return err
			}
			if err := put(source, data.Advisories[platform][name]); err != nil {
				return err
			}
		}
	}
	details, err := tx.CreateBucket([]byte("vulnerability"))
	if err != nil {
		return err
	}
	return put(details, data.Vulnerabilities)
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: trivy-db ADVISORIES.json FOLDER")
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var data input
	if err := json.Unmarshal(text, &data); err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(os.Args[2], "trivy.db")
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		log.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o644, &bbolt.Options{PageSize: 4096})
	if err != nil {
		log.Fatal(err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error { return fill(tx, data) }); err != nil {
		log.Fatal(err)
	}
	if err := db.Close(); err != nil {
		log.Fatal(err)
	}
	metadata := compact(map[string]any{
		"Version":      2,
		"UpdatedAt":    data.UpdatedAt,
		"NextUpdate":   data.NextUpdate,
		"DownloadedAt": data.UpdatedAt,
	})
	if err := os.WriteFile(filepath.Join(os.Args[2], "metadata.json"), append(metadata, '\n'), 0o644); err != nil {
		log.Fatal(err)
	}
}
