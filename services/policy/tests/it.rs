//! The Longnan pack against a real database: every indicator fires, stays silent by a hair's breadth, and says unknown
//! when it cannot know.
#![expect(clippy::unwrap_used, reason = "tests")]

mod it {
    mod agreement;
    mod calendar;
    mod classes;
    mod division;
    mod due;
    mod examples;
    mod hostile;
    mod indicators;
    mod narrowed;
    mod nearest;
    mod properties;
    mod scale;
    mod schema;
    mod signs;
    mod town;
}
