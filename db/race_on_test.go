//go:build race

package db

// raceDetector tells that everything takes ten times as long.
const raceDetector = true
