//! The measure held to bounds, on a fixed seed: what was measured, with some margin for recall and none for precision of
//! what is called complete, and nothing merged that no person has confirmed.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;

use minqing_identities::{
    dirt::{self, Slip},
    people,
    run::Mesh,
    score,
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

#[tokio::test]
async fn proposals_are_right_find_most_and_merge_nobody() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let people = people::people(1_500, &mut rng);
    let rows = dirt::rows(60, &people, &mut rng);
    let mut mesh = Mesh::start().await.unwrap();
    mesh.collect(&people).await.unwrap();
    let taken = mesh.send(&rows).await.unwrap();
    let reviews = mesh.reviews().await.unwrap();
    let scores = score::scores(&people, &rows, &reviews);

    assert_eq!(taken.linked, 0, "a row was taken as somebody's whom nobody has confirmed");
    let on_file: HashSet<String> = people.iter().map(|person| mesh.key_of(person).unwrap()).collect();
    assert!(taken.told.iter().all(|key| !on_file.contains(key)), "monitoring was told of somebody on file");
    // Fifteen digits may read as a valid number of 1906 or later, two wrong digits as a valid number of any year: nobody's on
    // file, and taken as such.
    let (cut, two) = (scores.of(Slip::Century), scores.of(Slip::TwoDigits));
    let valid = cut.rows - cut.found + two.rows / 4;
    assert!(usize::try_from(taken.accepted).unwrap() <= valid, "a row with a slip was taken\n{scores}");
    assert!(reviews.iter().all(|review| review.links.is_empty() && review.decisions.is_empty()));

    let all = scores.without(&[Slip::NearNamesake]);
    assert!(all.complete >= 80 && all.complete == all.complete_right, "{scores}");
    assert!(all.precision().unwrap() >= 0.97, "{scores}");
    for slip in [
        Slip::CheckDigit,
        Slip::Digit,
        Slip::Swap,
        Slip::Missing,
        Slip::Extra,
        Slip::FifteenDigit,
        Slip::NamePlaceholder,
        Slip::NumberAndPlaceholder,
        Slip::SiblingsNumber,
    ] {
        assert!(scores.of(slip).recall().unwrap() >= 0.95, "{slip:?}\n{scores}");
    }
    for slip in [Slip::NameVariant, Slip::NumberAndVariant] {
        assert!(scores.of(slip).recall().unwrap() >= 0.9, "{slip:?}\n{scores}");
    }
    assert!(cut.recall().unwrap() >= 0.15, "{scores}");
    // Beyond one slip nothing is claimed, and a stranger's name under a number is never taken for its holder.
    assert_eq!(scores.of(Slip::TwoNames).proposed, 0, "{scores}");
    assert_eq!(scores.of(Slip::TwoNames).two_names, scores.of(Slip::TwoNames).rows, "{scores}");
    assert_eq!(scores.of(Slip::Stranger).proposed, 0, "{scores}");
    mesh.stop().await.unwrap();
}
