from datagen_nb.synth.identities.candidate import Candidate, is_text
from datagen_nb.synth.identities.detect import go_with_others, identifiers, texts
from datagen_nb.synth.identities.maker import Maker

__all__ = ["Candidate", "Maker", "go_with_others", "identifiers", "is_text", "texts"]
