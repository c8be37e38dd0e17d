// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Tells whether a tensor still holds the values it held: what is made from a weight
// (its packed form, a float32 copy) is good for as long as the weight's stamp is the
// same. Writing in place, `set_data` and a move to another dtype or device change it;
// writing behind the tensor's back, through `.data` or a pointer, does not.
#pragma once

#include <ATen/core/Tensor.h>

namespace omni {

class ValueStamp {
 public:
  explicit ValueStamp(const at::Tensor& tensor)
      : storage_(tensor.storage().getWeakStorageImpl()),
        data_(tensor.const_data_ptr()),
        // Inference tensors count no versions.
        version_(tensor.is_inference() ? 0 : static_cast<int64_t>(tensor._version())) {}

  bool operator==(const ValueStamp&) const = default;

 private:
  // Does not keep the memory, but while it is held no other storage is taken for this
  // one: new memory is often at the address of what was freed last.
  c10::weak_intrusive_ptr<c10::StorageImpl> storage_;
  const void* data_;
  int64_t version_;
};

} // namespace omni
